import { createHash } from 'node:crypto'
import { freshness } from '../entry/freshness.ts'
import { emit } from '../events.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { keyOfDependent, primerNode } from '../refresh/recorder.ts'
import type { ProcessDeps } from './deps.ts'
import { domainKeys } from './domain.ts'
import { askForMany, isMissing, PAGE } from './keep-warm.ts'
import { changeRegister } from './register.ts'
import type { Job, JobRun } from './turn.ts'

const LOST_AFTER_MS = 600_000
const FIRST_RETRY_MS = 30_000
const TRIES = 5

/** The default name of a deployment: equal as long as all primers compute the same, and keep it in the same places. */
export function deploymentOf(registry: Registry): string {
  const revisions = [...registry.primers.values()]
    .map(({ name, revision, replicate }) => `${name} ${revision}${replicate ? ' replicated' : ''}`)
    .sort()
  return createHash('sha256').update(revisions.join('\n')).digest('base64url').slice(0, 16)
}

/**
 * What a new deployment begins with, once over all its processes: replicas get what they lack, `atBoot` products are primed, `over` lists without a
 * schedule are filled, and what an older revision of its primer computed is asked for anew, all behind what readers and
 * changes ask for. A process that goes back to an earlier deployment begins again. A process that is killed leaves it
 * to another one.
 */
export async function bootJob(deps: ProcessDeps, deployment: string): Promise<Job> {
  await changeRegister<Booted>(deps, 'boot', (before) =>
    before?.deployment === deployment ? undefined : { deployment, count: (before?.count ?? 0) + 1 },
  )
  const { text = '{}' } = (await deps.store.registers.get('boot')) ?? {}
  const { count } = JSON.parse(text) as Booted
  return {
    name: `boot/${deployment}/${count}`,
    due: { everyMs: null, cron: null, timeZone: null },
    atOnce: true,
    overlap: 'skip',
    run: (run) => boot(deps, run),
  }
}

interface Booted {
  readonly deployment: string
  /** Which of the changes of deployment this was. */
  readonly count: number
}

type Step = () => Promise<void>

async function boot(deps: ProcessDeps, run: JobRun): Promise<void> {
  const primers = [...deps.kck.registry.primers.values()]
  const { publishReplicated } = deps
  let steps: readonly Step[] = [
    ...(publishReplicated ? [() => publishReplicated(run.signal)] : []),
    ...primers.filter((primer) => primer.atBoot || isFilled(primer)).map((primer) => () => prime(deps, primer, run)),
    ...primers.map((primer) => () => rebuild(deps, primer, run)),
  ]
  for (let tries = 1; ; tries++) {
    const failed = await failedOf(steps, run.signal)
    if (failed.length === 0) return
    if (tries === TRIES)
      throw new AggregateError(
        failed.map(({ error }) => error),
        'Not everything could be asked for',
      )
    steps = failed.map(({ step }) => step)
    await deps.clock.sleep(FIRST_RETRY_MS * 2 ** (tries - 1), run.signal)
  }
}

/** Does all of them; one that fails stops no other. */
async function failedOf(steps: readonly Step[], signal: AbortSignal) {
  const failed: { readonly step: Step; readonly error: unknown }[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      signal.throwIfAborted()
      emit({ type: 'fault', where: 'priming at boot', error })
      failed.push({ step, error })
    }
  }
  return failed
}

function isFilled({ schedule }: AnyPrimer): boolean {
  return schedule !== null && schedule.everyMs === null && schedule.cron === null
}

async function prime(deps: ProcessDeps, primer: AnyPrimer, { due, signal }: JobRun): Promise<void> {
  const keys = await domainKeys(deps, primer, { signal })
  await askForMany(deps, keys, { at: due, lostAfterMs: LOST_AFTER_MS, signal }, (entry) => {
    if (isMissing(entry, primer, deps)) return 'warm-up'
    const isFresh = freshness(entry, primer.revision, deps.clock.now()).state === 'fresh'
    return primer.atBoot && !isFresh ? 'warm-up' : null
  })
}

interface Rebuilt {
  readonly revision: string
  /** How far; null: all of it. */
  readonly after: string | null
}

/**
 * Asks anew for what was computed by another revision of the primer; it is served as stale until then. Goes on where a
 * killed process stopped.
 */
async function rebuild(deps: ProcessDeps, primer: AnyPrimer, { due, signal }: JobRun): Promise<void> {
  const { registers, lineage } = deps.store
  const { revision } = primer
  const register = `revision/${primer.name}`
  const known = await registers.get(register, { signal })
  const before = known && (JSON.parse(known.text) as Rebuilt)
  if (before?.revision === revision && before.after === null) return
  let after = before?.revision === revision ? before.after : null
  do {
    const page = { limit: PAGE, ...(after === null ? {} : { after }) }
    const { keys, next = null } = await lineage.dependents(primerNode(primer.name), page, { signal })
    const products = [...new Set(keys.map(keyOfDependent))].flatMap((key) => parsed(deps, key))
    await askForMany(deps, products, { at: due, lostAfterMs: LOST_AFTER_MS, signal }, ({ row }) =>
      row?.value && row.value.primerRevision !== revision ? 'warm-up' : null,
    )
    after = next
    const reached: Rebuilt = { revision, after }
    await changeRegister<Rebuilt>(deps, register, () => reached, { signal })
  } while (after !== null)
}

/** A key whose parameters were others in an earlier revision is nobody's now. */
function parsed({ kck }: ProcessDeps, key: string): readonly ProductKey[] {
  try {
    return [kck.registry.parseKey(key)]
  } catch {
    return []
  }
}
