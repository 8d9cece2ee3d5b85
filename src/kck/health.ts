import { asKckError } from '../errors.ts'
import { watchHealth } from '../watch/health.ts'
import type { Writes } from '../write/api.ts'
import type { KckParts } from './flows.ts'
import type { Health } from './kck.ts'

/** Asks every part whether it answers. */
export async function health(
  { store, sources, clock }: KckParts,
  writes: Pick<Writes, 'waiting'>,
  signal?: AbortSignal,
): Promise<Health> {
  const call = signal ? { signal } : {}
  const pings: [string, () => Promise<void>][] = [
    ['store', () => store.entries.ping(call)],
    ...[...sources].map(([name, source]): [string, () => Promise<void>] => [`source ${name}`, () => source.ping(call)]),
  ]
  const waiting = writes.waiting().catch(() => null)
  const parts = await Promise.all(
    pings.map(async ([name, ping]) => {
      const startedAt = clock.now()
      try {
        await ping()
        return [name, { ok: true, ms: clock.now() - startedAt }] as const
      } catch (error) {
        return [name, { ok: false, ms: clock.now() - startedAt, code: asKckError(error).code }] as const
      }
    }),
  )
  const watched = await watchHealth({ store, sources, clock }, signal)
  const found = await waiting
  const cached = found && found.writes + found.parkedRecords > 0 ? { writes: found } : {}
  const all = [...parts, ...watched]
  return { ok: all.every(([, part]) => part.ok), parts: Object.fromEntries(all), ...cached }
}
