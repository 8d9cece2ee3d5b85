import cluster, { type Worker } from 'node:cluster'
import type { Clock } from '../ports/clock.ts'

export interface ClusterOptions {
  readonly workers: number
  readonly clock: Clock
  /** Runs in every worker: starts serving, and gives the way to stop. */
  readonly start: () => Promise<{ close(): Promise<void> }>
  /** What happened to the workers, for people. */
  readonly say?: (message: string) => void
  /** Milliseconds that workers get to finish. Default 15,000. */
  readonly stopGraceMs?: number
}

/** Milliseconds before a dead worker is replaced: at once the first time, then doubling. */
const firstDelayMs = 100
const longestDelayMs = 10_000
/** A worker that lived this long has shown that it can: the next death starts from the first delay again. */
const healthyAfterMs = 30_000

/**
 * Several processes behind one port. What a worker sends goes to all the others. In the primary it keeps `workers` of them alive and resolves when all have stopped
 * after SIGTERM or SIGINT; in a worker it serves until it is told to stop.
 */
export function runCluster(options: ClusterOptions): Promise<void> {
  return cluster.isPrimary ? runPrimary(options) : runWorker(options)
}

async function runWorker({ start }: ClusterOptions): Promise<void> {
  // The primary decides: a Ctrl-C reaches every process of the terminal at once.
  process.on('SIGINT', () => {})
  const server = await start()
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('disconnect', resolve)
  })
  await server.close()
  cluster.worker?.disconnect()
}

function runPrimary({ workers, clock, say = () => {}, stopGraceMs = 15_000 }: ClusterOptions): Promise<void> {
  const alive = new Set<Worker>()
  let stopping = false
  let delayMs = firstDelayMs

  return new Promise((resolve) => {
    function startOne(): void {
      if (stopping) return
      const worker = cluster.fork()
      const since = clock.now()
      alive.add(worker)
      worker.on('message', (message) => {
        for (const other of alive) if (other !== worker && other.isConnected()) other.send(message)
      })
      worker.once('exit', (code, signal) => {
        alive.delete(worker)
        if (!stopping) replace(`Worker ${worker.process.pid} ended (${signal ?? code})`, clock.now() - since)
        else if (alive.size === 0) resolve()
      })
    }

    function replace(what: string, livedMs: number): void {
      if (livedMs >= healthyAfterMs) delayMs = firstDelayMs
      say(`${what}; another one starts in ${delayMs} ms`)
      void clock.sleep(delayMs).then(startOne)
      delayMs = Math.min(delayMs * 2, longestDelayMs)
    }

    function stop(): void {
      if (stopping) return
      stopping = true
      if (alive.size === 0) resolve()
      for (const worker of alive) worker.process.kill('SIGTERM')
      const patience = new AbortController()
      clock.sleep(stopGraceMs, patience.signal).then(
        () => {
          for (const worker of alive) worker.process.kill('SIGKILL')
        },
        () => {},
      )
      for (const worker of alive) worker.once('exit', () => alive.size === 0 && patience.abort())
    }

    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
    for (let i = 0; i < workers; i += 1) startOne()
  })
}
