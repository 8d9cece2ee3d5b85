import { join } from 'node:path'
import type { ResolvedConfig } from '../config/resolved.ts'
import type { Process } from '../process/define-process.ts'
import type { ProcessDeps } from '../process/deps.ts'
import { createProcessWorker, type ProcessWorker } from '../process/process-worker.ts'

/** What runs by itself: the schedules of the primers, and the user's own processes in `processes`. */
export async function openProcesses(
  config: ResolvedConfig,
  deps: ProcessDeps,
  bundled?: readonly Process[],
): Promise<ProcessWorker> {
  return createProcessWorker(deps, { processes: bundled ?? (await processesOf(config)) })
}

async function processesOf({ folder }: ResolvedConfig): Promise<readonly Process[]> {
  const { loadProcesses } = await import('../process/load-processes.ts')
  return loadProcesses(join(folder, 'processes'))
}
