import type { Command } from 'commander'
import type { Io } from './io.ts'
import { type CommonOptions, forEachKey, subcommand, withRuntime } from './subcommand.ts'

export function addPurge(program: Command, io: Io): void {
  subcommand(program, 'purge <keys...>', 'remove the values of products')
    .option('--cause <text>', 'why, for people', 'kck purge')
    .action((keys: string[], options: CommonOptions & { readonly cause: string }) =>
      withRuntime(options, io, ({ kck }) =>
        forEachKey(keys, options, io, async (key) => {
          const purged = await kck.purge(key, { cause: options.cause })
          return { text: `${key}: ${purged ? 'removed' : 'there was no value'}`, json: { key, purged } }
        }),
      ),
    )
}
