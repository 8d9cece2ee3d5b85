import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { systemClock } from '../adapters/system/clock.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { KckError } from '../errors.ts'
import { formatRequestLog, type RequestLogEntry } from '../http/request-log.ts'
import { createLineWriter } from '../local/line-writer.ts'
import type { Source } from '../ports/source.ts'
import { logFaults } from './fault-log.ts'
import type { Io } from './io.ts'
import { type CommonOptions, registryOf, settingsOf, subcommand } from './subcommand.ts'

interface ServeOptions extends CommonOptions {
  readonly host?: string
  readonly port?: string
  readonly workers?: string
  readonly log: LogChoice
}

/** Milliseconds that stores and sources get before requests come: a new embedded database takes some seconds. */
const warmUpMs = 10_000

const logChoices = ['all', 'problems', 'none'] as const
type LogChoice = (typeof logChoices)[number]

export function addServe(program: Command, io: Io): void {
  subcommand(program, 'serve', 'serve the products over HTTP')
    .option('--host <address>', 'listen there (KCK_HOST, else server.host)')
    .option('--port <number>', 'listen there; 0: any free port (KCK_PORT, else server.port)')
    .option('--workers <number>', 'processes (KCK_WORKERS, else server.workers)')
    .addOption(program.createOption('--log <which>', 'requests to log').choices(logChoices).default('problems'))
    .action(async (options: ServeOptions) => {
      const overrides = { KCK_HOST: options.host, KCK_PORT: options.port, KCK_WORKERS: options.workers }
      const config = await settingsOf(options, io, overrides)
      if (cluster.isPrimary) await checkPort(config.server)
      const stopLogging = logFaults(io)
      try {
        await (config.server.workers > 1 ? serveByMany(config, options, io) : serveByOne(config, options, io))
      } finally {
        stopLogging()
      }
    })
}

async function serveByOne(config: ResolvedConfig, options: ServeOptions, io: Io): Promise<void> {
  const { url, close } = await startOne(config, options.log)
  announce(url, options, io)
  await new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  await close()
}

async function serveByMany(config: ResolvedConfig, options: ServeOptions, io: Io): Promise<void> {
  const { runCluster } = await import('../local/cluster.ts')
  if (cluster.isPrimary) await registryOf(config)
  const shared = cluster.isPrimary ? await openEmbedded(config) : null
  const { host, workers } = config.server
  cluster.once('listening', (_, { port }) =>
    announce(`http://${host.includes(':') ? `[${host}]` : host}:${port}`, options, io),
  )
  await runCluster({ workers, clock: systemClock, start: () => startOne(config, options.log), say: io.err })
  await shared?.close()
}

/** The first process keeps the embedded databases, which only one can have open, and lends them to the workers. */
export async function openEmbedded({ sources }: ResolvedConfig): Promise<{ close(): Promise<void> }> {
  const { openSources } = await import('../local/open-sources.ts')
  const embedded = Object.entries(sources).filter(([, { kind }]) => kind === 'pglite')
  const shared: ReadonlyMap<string, Source> = await openSources(Object.fromEntries(embedded))
  await Promise.all([...shared.values()].map((source) => source.ping()))
  return {
    close: async () => {
      for (const source of shared.values()) await source.close()
    },
  }
}

/** What `npm run build-console` writes, and the published package holds. */
const consoleFolder = fileURLToPath(new URL('../../console/dist', import.meta.url))

export async function startOne(config: ResolvedConfig, choice: LogChoice) {
  const [{ createRuntime }, { startServer }, { shareActivity }, { startWorking }] = await Promise.all([
    import('../local/runtime.ts'),
    import('../local/server.ts'),
    import('../local/share-activity.ts'),
    import('../local/working.ts'),
  ])
  const writer = createLineWriter(process.stdout, systemClock)
  const log = (entry: RequestLogEntry) => {
    if (choice === 'all' || entry.level !== 'info') writer.write(formatRequestLog(entry))
  }
  const runtime = await createRuntime(config, { consoleFolder, ...(choice === 'none' ? {} : { log }) })
  const stopSharing = shareActivity(runtime.activity)
  const { edge, kck, clock } = runtime
  const { host, port } = config.server
  // Opens what is opened at its first use, so that no request waits for it; what is slow or down is no reason not to start.
  const warm = new AbortController()
  await Promise.race([kck.health(), clock.sleep(warmUpMs, warm.signal).catch(() => undefined)])
  warm.abort()
  const server = await startServer({ edge, kck, clock, host, port }).catch(async (error: unknown) => {
    await runtime.close()
    throw error
  })
  const working = await startWorking(runtime)
  return {
    url: server.url,
    async close() {
      stopSharing()
      await server.close()
      await working.stop()
      await runtime.close()
      writer.flush()
    },
  }
}

export function announce(url: string, { json }: CommonOptions, io: Io): void {
  io.out(json ? JSON.stringify({ url }) : `Serving on ${url}. What there is: ${url}/openapi.json`)
}

/** Before anything is opened or started: of many processes each would meet the fault, be replaced, and meet it again. */
export async function checkPort({ host, port }: ResolvedConfig['server']): Promise<void> {
  const probe = createServer()
  try {
    probe.listen(port, host)
    await once(probe, 'listening')
  } catch (error) {
    throw cannotListen(`${host}:${port}`, error)
  } finally {
    probe.close()
  }
}

const cannotListen = (address: string, cause: unknown) =>
  new KckError('INVALID_CONFIG', `Cannot listen on ${address}; is another server running there?`, { cause })
