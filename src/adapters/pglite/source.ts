import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Source } from '../../ports/source.ts'
import { type Channel, type ChannelEvents, connectSocket, listenOnSocket, socketChannel } from './channel.ts'
import type { EngineOptions } from './engine.ts'
import { lockDataDir } from './lock.ts'
import { fromWire, type Request, type WireError } from './protocol.ts'
import { RemoteSource } from './remote.ts'
import { SourceServer } from './serve.ts'

export interface PgliteSourceOptions {
  readonly name: string
  /** The folder of the database, made when missing, or `memory`. One process may open it; others use its socket. */
  readonly dataDir: string
  /** SQL run once, in a new database. */
  readonly initSql?: string
  /** A file written by `dump`, from which a new database starts (a fraction of a second instead of some). */
  readonly loadDump?: string
  /** Milliseconds, counted from the call, after which the caller is released. Default 30000. */
  readonly statementTimeoutMs?: number
}

export interface PgliteSource extends Source {
  /** Writes the whole database into a file for `loadDump`. */
  dump(file: string): Promise<void>
}

/**
 * The embedded PostgreSQL (PGlite) in a thread of its own. It has one session: statements run one after the other, and
 * a transaction keeps everybody else waiting, so its work must not call `query` of the same source. Throws
 * `INVALID_CONFIG` at once, naming the process, when another one has the folder open.
 */
export function createPgliteSource(options: PgliteSourceOptions): PgliteSource {
  const { name, dataDir, statementTimeoutMs = 30_000 } = options
  const release = dataDir === 'memory' ? () => {} : lockDataDir(dataDir)
  const thread = new PgliteThread(options)
  const source = new RemoteSource({ name, statementTimeoutMs, connect: (events) => thread.start(events), release })
  // Starts now, so that the first query finds it ready; an error shows at that query.
  source.ping().catch(() => {})
  return source
}

/** Lets other local processes use a source through a Unix socket, open to this user only. */
export async function servePglite(
  source: Source,
  { socketPath }: { socketPath: string },
): Promise<{ close(): Promise<void> }> {
  return listenOnSocket(socketPath, (socket) => {
    const server: SourceServer = new SourceServer(
      source,
      socketChannel(socket, {
        message: (message) => void server.receive(message as Request),
        closed: () => server.disconnected(),
      }),
    )
  })
}

/** The embedded PostgreSQL of another process, through the socket that it serves. Connects again when that was lost. */
export function createPgliteClientSource({
  name,
  socketPath,
  statementTimeoutMs = 30_000,
}: {
  readonly name: string
  readonly socketPath: string
  readonly statementTimeoutMs?: number
}): Source {
  return new RemoteSource({ name, statementTimeoutMs, connect: (events) => connectSocket(socketPath, events) })
}

class PgliteThread {
  readonly #options: EngineOptions
  #starts = 0

  constructor({ name, dataDir, initSql, loadDump }: PgliteSourceOptions) {
    this.#options = { name, dataDir, initSql, loadDump }
  }

  async start(events: ChannelEvents): Promise<Channel> {
    if (this.#starts++ > 0 && this.#options.dataDir === 'memory') throw new Error('The database in memory was lost')
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js'
    const worker = new Worker(new URL(file, import.meta.url), { workerData: this.#options })
    let failure: unknown = new Error('The thread of the embedded database ended')
    worker.on('error', (error) => {
      failure = error
    })
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    const [first] = (await Promise.race([once(worker, 'message'), exited.then(() => [{}])])) as [
      'ready' | { openError?: WireError },
    ]
    if (first !== 'ready') {
      await worker.terminate()
      throw first.openError ? fromWire(first.openError) : failure
    }
    worker.on('message', (message) => events.message(message))
    void exited.then(() => events.closed(failure))
    return {
      send: (message) => worker.postMessage(message),
      close: async () => {
        worker.postMessage('close')
        await exited
      },
    }
  }
}
