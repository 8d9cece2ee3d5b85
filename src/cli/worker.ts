import type { Command } from 'commander'
import { logFaults } from './fault-log.ts'
import type { Io } from './io.ts'
import { type CommonOptions, subcommand, withRuntime } from './subcommand.ts'

export function addWorker(program: Command, io: Io): void {
  subcommand(program, 'worker', 'refresh products, run schedules and sweep, without serving HTTP').action(
    async (options: CommonOptions) => {
      const stopLogging = logFaults(io)
      try {
        await withRuntime(options, io, async (runtime) => {
          const { startWorking } = await import('../local/working.ts')
          const working = await startWorking(runtime)
          io.out(options.json ? JSON.stringify({ working: true }) : 'Working. SIGTERM or Ctrl-C ends it cleanly.')
          await new Promise((resolve) => {
            process.once('SIGTERM', resolve)
            process.once('SIGINT', resolve)
          })
          await working.stop()
        })
      } finally {
        stopLogging()
      }
    },
  )
}
