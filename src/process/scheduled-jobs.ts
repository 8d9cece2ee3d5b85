import type { AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import type { Process } from './define-process.ts'
import type { Due } from './schedule.ts'

export interface ScheduledJob {
  /** As `Job.name`. */
  readonly name: string
  readonly due: Due
}

/** The name of the job that does what a primer's or process's own `every` or `cron` asks for. */
export function jobName({ kind, name }: Pick<AnyPrimer | Process, 'kind' | 'name'>): string {
  return `${kind}/${name}`
}

/** What the definitions themselves want to be done at certain times: for schedulers outside of this program. */
export function scheduledJobs({ primers }: Registry, processes: readonly Process[]): readonly ScheduledJob[] {
  const timed = [...primers.values()].flatMap((primer) => {
    const { schedule } = primer
    if (schedule === null || (schedule.everyMs === null && schedule.cron === null)) return []
    const { everyMs, cron, timeZone } = schedule
    return [{ name: jobName(primer), due: { everyMs, cron, timeZone } }]
  })
  return [...timed, ...processes.map((process) => ({ name: jobName(process), due: process.due }))]
}
