import type { Clock } from '../../ports/clock.ts'
import type { Registers } from '../../ports/registers.ts'

export function createMemoryRegisters(clock: Clock): Registers {
  const registers = new Map<string, { readonly rev: number; readonly text: string; readonly removeAt: number | null }>()

  const read = (name: string) => {
    const register = registers.get(name)
    return register && (register.removeAt === null || clock.now() < register.removeAt) ? register : undefined
  }

  return {
    async get(name, options) {
      options?.signal?.throwIfAborted()
      const register = read(name)
      return register ? { rev: register.rev, text: register.text } : null
    },
    async compareAndSet(name, rev, { text, removeAt }, options) {
      options?.signal?.throwIfAborted()
      if ((read(name)?.rev ?? 0) !== rev) return false
      registers.set(name, { rev: rev + 1, text, removeAt })
      return true
    },
  }
}
