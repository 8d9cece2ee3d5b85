import type { Command } from 'commander'
import { KckError } from '../errors.ts'
import type { Waiting } from '../write/api.ts'
import type { Io } from './io.ts'
import { forEachKey } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

const actions = ['list', 'retry', 'discard']

export function addWrites(program: Command, io: Io): void {
  systemCommand(program, 'writes [action] [ids...]', 'cached writes: what waits, and what was refused')
    .addHelpText(
      'after',
      `
<action> is list (the default), or for refused writes retry (it waits again, behind all others) or discard.

Examples:
  kck writes
  kck writes retry 3-1042-0-Zk3vB8yq0aLwPx7d
  kck writes discard 3-1042-0-Zk3vB8yq0aLwPx7d`,
    )
    .action(async (action = 'list', ids: readonly string[], options: SystemOptions) => {
      if (!actions.includes(action)) throw new KckError('BAD_REQUEST', `kck writes takes ${actions.join(', ')}`)
      if (action === 'list') return list(options, io)
      if (ids.length === 0) throw new KckError('BAD_REQUEST', `Say which: kck writes ${action} <id>`)
      await withSystem(options, io, ({ writes }) =>
        forEachKey(ids, options, io, async (id) => {
          if (action === 'discard') {
            await writes.discard(id)
            return { text: `${id}: discarded`, json: { key: id, discarded: true } }
          }
          const again = await writes.retry(id)
          return { text: `${id}: waits again as ${again}`, json: { key: id, as: again } }
        }),
      )
    })
}

async function list(options: SystemOptions, io: Io): Promise<void> {
  const { parked, ...waiting } = await withSystem(options, io, ({ writes }) => writes.list())
  if (options.json) return io.out(JSON.stringify({ ...waiting, parked }))
  io.out(summary(waiting))
  for (const { id, updater, body, error, parkedAt } of parked) {
    io.out(`${id}  ${updater}  ${new Date(parkedAt).toISOString()}`)
    io.out(`  ${error?.code}: ${error?.message}`)
    io.out(`  ${JSON.stringify(body)}`)
  }
}

function summary({ writes, bytes, trouble }: Waiting): string {
  const waits = `${writes} write(s) wait, ${bytes} bytes`
  return trouble ? `${waits}; since ${new Date(trouble.since).toISOString()}: ${trouble.message}` : waits
}
