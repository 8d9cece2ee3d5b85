import type { Source } from '../../../src/ports/source.ts'
import type { Store } from '../../../src/ports/store.ts'

/** Told before each call of a port that changes something. */
export type OnStep = (step: string) => void

const READS = new Set(['get', 'getMany', 'getChunks', 'list', 'read', 'dependents', 'ping', 'query', 'close'])
const SEEN = ['entries', 'lineage', 'registers', 'workIndex', 'writeQueue'] as const

/** A store that tells what is asked of it. */
export function stepping(store: Store, onStep: OnStep): Store {
  const parts = SEEN.map((name) => [name, telling(name, store[name], onStep)])
  return { ...store, ...Object.fromEntries(parts) }
}

export function steppingSource(source: Source, onStep: OnStep): Source {
  return {
    ...telling('source', source, onStep),
    name: source.name,
    transaction: async (work, options) => {
      onStep('source.begin')
      return source.transaction(async (transaction) => {
        const result = await work({
          query: (statement, values) => {
            onStep(statement.text.includes('kck_applied') ? 'source.enter' : 'source.write')
            return transaction.query(statement, values)
          },
        })
        onStep('source.commit')
        return result
      }, options)
    },
  }
}

function telling<T extends object>(name: string, part: T, onStep: OnStep): T {
  return new Proxy(part, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      return (...call: unknown[]) => {
        if (!READS.has(String(property))) onStep(`${name}.${String(property)}`)
        return member.apply(target, call)
      }
    },
  })
}
