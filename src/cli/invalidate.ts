import type { Command } from 'commander'
import type { Io } from './io.ts'
import { type CommonOptions, forEachKey, subcommand, withRuntime } from './subcommand.ts'

export function addInvalidate(program: Command, io: Io): void {
  subcommand(program, 'invalidate <keys...>', 'mark products stale: served until they are computed anew')
    .option('--cause <text>', 'why, for people', 'kck invalidate')
    .action((keys: string[], options: CommonOptions & { readonly cause: string }) =>
      withRuntime(options, io, ({ kck }) =>
        forEachKey(keys, options, io, async (key) => {
          const invalidated = await kck.invalidate(key, { cause: options.cause })
          return { text: `${key}: ${invalidated ? 'stale' : 'there was no value'}`, json: { key, invalidated } }
        }),
      ),
    )
}
