import type { Command } from 'commander'
import type { Io } from './io.ts'
import { forEachKey } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

export function addPurge(program: Command, io: Io): void {
  systemCommand(program, 'purge <keys...>', 'remove the values of products')
    .option('--cause <text>', 'why, for people', 'kck purge')
    .action((keys: string[], options: SystemOptions & { readonly cause: string }) =>
      withSystem(options, io, (system) =>
        forEachKey(keys, options, io, async (key) => {
          const purged = await system.purge(key, options.cause)
          return { text: `${key}: ${purged ? 'removed' : 'there was no value'}`, json: { key, purged } }
        }),
      ),
    )
}
