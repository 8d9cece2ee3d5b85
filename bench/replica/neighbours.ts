import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Cleanup } from '../support/cleanup.ts'
import type { NeighbourOptions } from './neighbour.ts'

export interface Neighbour {
  /** Keys that it wrote each second. */
  stop(): Promise<number>
}

/** A process beside the one that is measured. */
export async function startNeighbour(options: NeighbourOptions, cleanup: Cleanup): Promise<Neighbour> {
  const child = fork(fileURLToPath(new URL('./neighbour.ts', import.meta.url)), [JSON.stringify(options)])
  cleanup.add(() => child.kill('SIGKILL'))
  await once(child, 'message')
  return {
    async stop() {
      child.send('stop')
      const [{ perSecond }] = (await once(child, 'message')) as [{ perSecond: number }]
      await once(child, 'exit')
      return perSecond
    },
  }
}
