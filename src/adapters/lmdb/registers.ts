import type { Clock } from '../../ports/clock.ts'
import type { Register, Registers } from '../../ports/registers.ts'
import type { Environment } from './environment.ts'
import { hashOf } from './keys.ts'
import { readRecord, seal } from './record.ts'

/** Table `registers` by the hash of the name; the record holds the register as JSON. */
export function createLmdbRegisters(environment: Environment, clock: Clock): Registers {
  const table = environment.table('registers')

  /** To be called inside a read or a write. */
  const read = (name: string, place: Buffer): { readonly register: Register | null; readonly isNewer: boolean } => {
    const record = readRecord(table, place, clock.now())
    if (typeof record !== 'string') {
      return { register: record && (JSON.parse(record.payload.toString()) as Register), isNewer: false }
    }
    environment.unreadable('register', name, record)
    return { register: null, isNewer: record === 'newer' }
  }

  return {
    async get(name, options) {
      options?.signal?.throwIfAborted()
      return environment.read(() => read(name, hashOf(name)).register)
    },
    async compareAndSet(name, rev, { text, removeAt }, options) {
      options?.signal?.throwIfAborted()
      const place = hashOf(name)
      const next: Register = { rev: rev + 1, text }
      const bytes = seal(place, removeAt, [Buffer.from(JSON.stringify(next))])
      return environment.writeSoon({ records: 1, bytes: bytes.length }, () => {
        const { register, isNewer } = read(name, place)
        if (isNewer || (register?.rev ?? 0) !== rev) return false
        table.putSync(place, bytes)
        return true
      })
    },
  }
}
