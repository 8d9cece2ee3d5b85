import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import type { Clock } from '../ports/clock.ts'

export interface ReloadOptions {
  readonly clock: Clock
  /** Folders and files to look at; what does not exist is passed over. */
  readonly watched: readonly string[]
  /** What happened, for people. */
  readonly say: (message: string) => void
}

const lastConnectionsAsked = 'kck: last connections'

/**
 * For a worker that has closed its server: resolves when the primary has heard of it. A connection that was handed over
 * before then is given back; one that a worker never took out of its channel would wait for an answer for ever.
 */
export async function lastConnections(): Promise<void> {
  if (!process.connected) return
  const heard = new Promise<void>((resolve) => {
    process.on('message', (message) => message === lastConnectionsAsked && resolve())
    process.once('disconnect', () => resolve())
  })
  process.send?.(lastConnectionsAsked)
  await heard
}

/** Editors write a file in several steps. */
const settleMs = 100
const stopGraceMs = 10_000

/**
 * Keeps one worker serving and, when a watched file changes, starts another one beside it: requests go to the new one
 * once it listens, and to the old one for as long as the new one does not start. To be called in the primary; resolves
 * when all have stopped after SIGTERM or SIGINT.
 */
export async function runReloading({ clock, watched, say }: ReloadOptions): Promise<void> {
  const workers = new Workers(say)
  let changes = 0
  const onChange = async () => {
    const mine = ++changes
    await clock.sleep(settleMs)
    if (mine === changes) workers.start()
  }
  const watchers = watched.filter(existsSync).map((path) => watch(path, { recursive: true }, () => void onChange()))
  workers.start()
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  changes += 1
  for (const watcher of watchers) watcher.close()
  await workers.stop(clock)
}

class Workers {
  readonly #say: (message: string) => void
  readonly #alive = new Set<Worker>()
  /** Those that a newer one has taken over from. */
  readonly #replaced = new WeakSet<Worker>()
  #serving: Worker | null = null
  #stopping = false

  constructor(say: (message: string) => void) {
    this.#say = say
  }

  start(): void {
    const worker = cluster.fork()
    this.#alive.add(worker)
    worker.on('message', (message) => {
      if (message === lastConnectionsAsked && worker.isConnected()) worker.send(message)
    })
    worker.once('listening', () => this.#takeOver(worker))
    worker.once('exit', () => this.#ended(worker))
  }

  #takeOver(worker: Worker): void {
    const before = this.#serving
    this.#serving = worker
    if (before === null) return
    this.#say('Reloaded.')
    this.#replaced.add(before)
    before.process.kill('SIGTERM')
  }

  #ended(worker: Worker): void {
    this.#alive.delete(worker)
    if (this.#stopping) return
    if (worker === this.#serving) {
      this.#serving = null
      this.#say('The server ended; it starts again at the next change.')
    } else if (!this.#replaced.has(worker)) {
      this.#say(this.#serving ? 'The version before goes on serving.' : 'It starts again at the next change.')
    }
  }

  async stop(clock: Clock): Promise<void> {
    this.#stopping = true
    const ended = Promise.all([...this.#alive].map((worker) => once(worker, 'exit')))
    for (const worker of this.#alive) worker.process.kill('SIGTERM')
    const patience = new AbortController()
    const kill = () => {
      for (const worker of this.#alive) worker.process.kill('SIGKILL')
    }
    clock.sleep(stopGraceMs, patience.signal).then(kill, () => undefined)
    await ended
    patience.abort()
  }
}
