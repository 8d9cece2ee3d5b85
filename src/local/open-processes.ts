import { join } from 'node:path'
import type { ResolvedConfig } from '../config/resolved.ts'
import type { Process } from '../process/define-process.ts'
import type { ProcessDeps } from '../process/deps.ts'
import { createProcessWorker, type ProcessWorker } from '../process/process-worker.ts'
import type { Job } from '../process/turn.ts'

/** What runs by itself: the schedules of the primers, and the user's own processes in `processes`. */
export async function openProcesses(
  config: ResolvedConfig,
  deps: ProcessDeps,
  { jobs, bundled }: { readonly jobs: readonly Job[]; readonly bundled: readonly Process[] | undefined },
): Promise<ProcessWorker> {
  return createProcessWorker(deps, { jobs, processes: bundled ?? (await processesOf(config)) })
}

async function processesOf({ folder }: ResolvedConfig): Promise<readonly Process[]> {
  const { loadProcesses } = await import('../process/load-processes.ts')
  return loadProcesses(join(folder, 'processes'))
}
