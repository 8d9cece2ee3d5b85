import type { Command } from 'commander'
import { systemClock, systemEntropy } from '../adapters/system/clock.ts'
import { createLogSchema } from '../local/open-replica.ts'
import { openStore } from '../local/open-store.ts'
import type { Io } from './io.ts'
import { type CommonOptions, settingsOf, subcommand } from './subcommand.ts'

export function addSchema(program: Command, io: Io): void {
  subcommand(program, 'schema', 'create what the store needs; safe to run again').action(
    async (options: CommonOptions) => {
      const config = await settingsOf(options, io)
      const { store: settings } = config
      const time = { clock: systemClock, entropy: systemEntropy }
      const store = await openStore(settings, time)
      try {
        await store.createSchema()
        await createLogSchema(config, time)
      } finally {
        await store.close()
      }
      io.out(
        options.json ? JSON.stringify({ store: settings.kind, ready: true }) : `The ${settings.kind} store is ready.`,
      )
    },
  )
}
