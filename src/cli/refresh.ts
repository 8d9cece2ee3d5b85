import type { Command } from 'commander'
import type { Io } from './io.ts'
import { forEachKey } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

export function addRefresh(program: Command, io: Io): void {
  systemCommand(program, 'refresh <keys...>', 'compute products anew, now').action(
    (keys: string[], options: SystemOptions) =>
      withSystem(options, io, (system) =>
        forEachKey(keys, options, io, async (name) => {
          const { key, version, state } = await system.refresh(name)
          return { text: `${key}: ${state}, version ${version}`, json: { key, version, state } }
        }),
      ),
  )
}
