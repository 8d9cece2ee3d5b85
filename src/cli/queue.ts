import type { Command } from 'commander'
import type { Backlog } from '../operate/contract.ts'
import { ago } from '../operate/words.ts'
import type { Io } from './io.ts'
import { forEachKey } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

interface QueueOptions extends SystemOptions {
  readonly limit: string
}

export function addQueue(program: Command, io: Io): void {
  const queue = systemCommand(program, 'queue', 'show what waits for a refresh, why in this order, and what fails')
    .option('--limit <number>', 'of each, at most', '100')
    .action((options: QueueOptions) =>
      withSystem(options, io, async ({ operate }) => {
        const backlog = await operate.backlog({ limit: Number(options.limit) })
        io.out(options.json ? JSON.stringify(backlog) : linesOf(backlog, Date.now()).join('\n'))
      }),
    )
  systemCommand(queue, 'retry <keys...>', 'compute failing products anew, now').action(
    (keys: string[], options: SystemOptions) =>
      withSystem(options, io, (system) =>
        forEachKey(keys, options, io, async (name) => {
          const { key, version, state } = await system.refresh(name)
          return { text: `${key}: ${state}, version ${version}`, json: { key, version, state } }
        }),
      ),
  )
  systemCommand(queue, 'discard <keys...>', 'give up on failing products until what they read changes').action(
    (keys: string[], options: SystemOptions) =>
      withSystem(options, io, ({ operate }) =>
        forEachKey(keys, options, io, async (key) => {
          const discarded = await operate.discard(key)
          return { text: `${key}: ${discarded ? 'given up' : 'it does not fail'}`, json: { key, discarded } }
        }),
      ),
  )
}

function linesOf({ depth, waiting, more, failing }: Backlog, now: number): string[] {
  const lanes = Object.entries(depth).map(([lane, messages]) => `${lane} ${messages}`)
  return [
    `messages  ${lanes.join(', ')}`,
    `waiting   ${waiting.length}${more ? ' and more' : ''}`,
    ...waiting.map(
      ({ key, since, lane, reason }) => `  ${key}  ${lane ?? 'on demand'}, stale for ${ago(now - since)}: ${reason}`,
    ),
    `failing   ${failing.length}`,
    ...failing.map(({ key, attempts, code, message, retryAt }) => {
      const next = retryAt === null ? 'parked: kck queue retry' : `tried again in ${ago(retryAt - now)}`
      return `  ${key}  failed ${attempts} times, ${next}: ${code}: ${message}`
    }),
  ]
}
