import type { Command } from 'commander'
import type { Io } from './io.ts'
import { type CommonOptions, forEachKey, subcommand, withRuntime } from './subcommand.ts'

export function addRefresh(program: Command, io: Io): void {
  subcommand(program, 'refresh <keys...>', 'compute products anew, now').action(
    (keys: string[], options: CommonOptions) =>
      withRuntime(options, io, ({ kck }) =>
        forEachKey(keys, options, io, async (name) => {
          const { key, version, state } = await kck.refresh(name)
          return { text: `${key}: ${state}, version ${version}`, json: { key, version, state } }
        }),
      ),
  )
}
