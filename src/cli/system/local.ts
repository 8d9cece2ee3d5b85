import type { Runtime } from '../../local/runtime.ts'
import type { Io } from '../io.ts'
import { type CommonOptions, withRuntime } from '../subcommand.ts'
import type { System } from './system.ts'

export function withLocalSystem<T>(options: CommonOptions, io: Io, work: (system: System) => Promise<T>): Promise<T> {
  return withRuntime(options, io, (runtime) => work(localSystem(runtime)))
}

function localSystem({ kck, clock }: Runtime): System {
  return {
    operate: kck.operate,
    health: () => kck.health(),
    fetch: async (key, request = {}) => {
      const fetched = await kck.fetch(key, request)
      const body = JSON.parse(Buffer.from(await fetched.body.bytes('identity')).toString())
      return { ...body, state: fetched.state, from: fetched.from, ageMs: Math.max(0, clock.now() - fetched.asOf) }
    },
    update: (updaterKey, body) =>
      kck.registry.parseUpdaterKey(updaterKey).updater.mode === 'cached'
        ? kck.writes.accept(updaterKey, body)
        : kck.update(updaterKey, body),
    writes: {
      list: async () => ({ ...(await kck.writes.waiting()), parked: await kck.writes.parked() }),
      retry: (id) => kck.writes.retry(id),
      discard: (id) => kck.writes.discard(id),
    },
    refresh: async (name) => {
      const { key, version, state } = await kck.refresh(name)
      return { key, version, state }
    },
    invalidate: (key, cause) => kck.invalidate(key, { cause }),
    purge: (key, cause) => kck.purge(key, { cause }),
    products: async () => [...kck.registry.primers.keys()],
  }
}
