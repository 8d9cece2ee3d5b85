import { cpus, release, totalmem, type } from 'node:os'
import { Worker } from 'node:worker_threads'

export interface Machine {
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** What a busy loop on every core got of the cores just before the run: 1 on a machine that did nothing else. */
  readonly idleShare: number
}

export async function describeMachine(): Promise<Machine> {
  const cores = cpus()
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    idleShare: await idleShare(cores.length),
  }
}

export function formatMachine(machine: Machine): string {
  const { date, cpu, cores, memoryGiB, system, node, idleShare } = machine
  const idle = `${Math.round(idleShare * 100)}% of the machine was idle at the start`
  return `${date} UTC, ${cores} cores of ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}; ${idle}`
}

const SPIN_MS = 400

async function idleShare(cores: number): Promise<number> {
  const spin = `const end = performance.now() + ${SPIN_MS}; while (performance.now() < end);`
  const [began, before] = [performance.now(), process.cpuUsage()]
  const workers = Array.from({ length: cores }, () => new Worker(spin, { eval: true }))
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))))
  const { user, system } = process.cpuUsage(before)
  return Math.min(1, (user + system) / 1000 / cores / (performance.now() - began))
}
