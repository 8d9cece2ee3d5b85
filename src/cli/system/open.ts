import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { type CommonOptions, subcommand } from '../subcommand.ts'
import type { System } from './system.ts'

export interface SystemOptions extends CommonOptions {
  readonly url?: string
  readonly token?: string
}

/** A command that works on this folder's system and on a deployed one. */
export function systemCommand(program: Command, nameAndArguments: string, description: string): Command {
  return subcommand(program, nameAndArguments, description)
    .option('--url <address>', 'ask the system that is deployed there (KCK_URL) instead of this folder')
    .option('--token <token>', 'a token for it (KCK_TOKEN)')
}

const urlOf = ({ url }: SystemOptions, io: Io): string => url ?? io.environment['KCK_URL'] ?? ''

export const isRemote = (options: SystemOptions, io: Io): boolean => urlOf(options, io) !== ''

/** Opens the system for as long as `work` takes. Loaded here: other commands start without it. */
export async function withSystem<T>(options: SystemOptions, io: Io, work: (system: System) => Promise<T>): Promise<T> {
  if (isRemote(options, io)) {
    const { remoteSystem } = await import('./remote.ts')
    return work(remoteSystem(urlOf(options, io), options.token ?? io.environment['KCK_TOKEN']))
  }
  const { withLocalSystem } = await import('./local.ts')
  return withLocalSystem(options, io, work)
}
