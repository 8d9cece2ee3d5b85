import cluster from 'node:cluster'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { systemClock } from '../adapters/system/clock.ts'
import { logFaults } from './fault-log.ts'
import type { Io } from './io.ts'
import { announce, checkPort, openEmbedded, startOne } from './serve.ts'
import { type CommonOptions, settingsOf, subcommand } from './subcommand.ts'

interface DevOptions extends CommonOptions {
  readonly host?: string
  readonly port?: string
}

/** What a project's definitions are in, beside its settings. */
const folders = ['primers', 'updaters', 'processes']
const settings = ['ts', 'mts', 'js', 'mjs'].map((ending) => `kck.config.${ending}`)

export function addDev(program: Command, io: Io): void {
  subcommand(program, 'dev', 'serve, and load primers and updaters anew when they are saved')
    .option('--host <address>', 'listen there (KCK_HOST, else server.host)')
    .option('--port <number>', 'listen there; 0: any free port (KCK_PORT, else server.port)')
    .addHelpText(
      'after',
      `
A saved file is loaded in a new process beside the old one, which serves until the new one does: a mistake is shown
with its file and line and stops nothing. Only products whose definition changed become stale.`,
    )
    .action(async (options: DevOptions) => {
      const stopLogging = logFaults(io)
      try {
        await (cluster.isPrimary ? develop(options, io) : serveUntilTold(options, io))
      } finally {
        stopLogging()
      }
    })
}

const overrides = ({ host, port }: DevOptions) => ({ KCK_HOST: host, KCK_PORT: port, KCK_WORKERS: '1' })

async function develop(options: DevOptions, io: Io): Promise<void> {
  const config = await settingsOf(options, io, overrides(options))
  await checkPort(config.server)
  const { runReloading } = await import('../local/reloading.ts')
  const shared = await openEmbedded(config)
  cluster.once('listening', (_, { port }) => announce(`http://${config.server.host}:${port}`, options, io))
  const folder = resolve(io.folder, options.folder)
  const watched = [...folders, ...settings].map((name) => join(folder, name))
  await runReloading({ clock: systemClock, watched, say: io.err })
  await shared.close()
}

async function serveUntilTold(options: DevOptions, io: Io): Promise<void> {
  // The primary decides: a Ctrl-C reaches every process of the terminal at once.
  process.on('SIGINT', () => undefined)
  const told = new Promise<void>((stop) => {
    process.once('SIGTERM', () => stop())
    process.once('disconnect', () => stop())
  })
  try {
    const server = await startOne(await settingsOf(options, io, overrides(options)), 'all')
    await told
    await server.close()
  } finally {
    const { lastConnections } = await import('../local/reloading.ts')
    await lastConnections()
    // The way to the primary is all that keeps this process alive.
    if (process.connected) process.disconnect()
  }
}
