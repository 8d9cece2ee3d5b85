import { join } from 'node:path'
import type { ResolvedConfig } from '../config/resolved.ts'
import type { ProcessDeps } from '../process/deps.ts'
import { loadProcesses } from '../process/load-processes.ts'
import { createProcessWorker, type ProcessWorker } from '../process/process-worker.ts'

/** What runs by itself: the schedules of the primers, and the user's own processes in `processes`. */
export async function openProcesses(config: ResolvedConfig, deps: ProcessDeps): Promise<ProcessWorker> {
  return createProcessWorker(deps, { processes: await loadProcesses(join(config.folder, 'processes')) })
}
