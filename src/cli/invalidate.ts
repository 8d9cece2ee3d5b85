import type { Command } from 'commander'
import type { Io } from './io.ts'
import { forEachKey } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

export function addInvalidate(program: Command, io: Io): void {
  systemCommand(program, 'invalidate <keys...>', 'mark products stale: served until they are computed anew')
    .option('--cause <text>', 'why, for people', 'kck invalidate')
    .action((keys: string[], options: SystemOptions & { readonly cause: string }) =>
      withSystem(options, io, (system) =>
        forEachKey(keys, options, io, async (key) => {
          const invalidated = await system.invalidate(key, options.cause)
          return { text: `${key}: ${invalidated ? 'stale' : 'there was no value'}`, json: { key, invalidated } }
        }),
      ),
    )
}
