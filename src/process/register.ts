import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'

export interface RegisterDeps {
  readonly store: Pick<Store, 'registers'>
  readonly clock: Clock
  readonly entropy: Entropy
}

const FIRST_RETRY_MS = 5
const LAST_RETRY_MS = 500

/**
 * Replaces what a register holds, as JSON, by what `next` makes of it (null: there is nothing yet); again when somebody
 * else was faster. `next` returns undefined to leave it as it is. Returns what it made of it in the end.
 */
export async function changeRegister<T>(
  deps: RegisterDeps,
  name: string,
  next: (state: T | null) => T | undefined,
  options: { readonly signal?: AbortSignal; readonly removeAt?: number } = {},
): Promise<T | undefined> {
  const { clock, entropy } = deps
  const { registers } = deps.store
  const call = options.signal ? { signal: options.signal } : {}
  for (let attempt = 0; ; attempt++) {
    const register = await registers.get(name, call)
    const made = next(register ? (JSON.parse(register.text) as T) : null)
    if (made === undefined) return undefined
    const write = { text: JSON.stringify(made), operation: entropy.id(), removeAt: options.removeAt ?? null }
    if (await registers.compareAndSet(name, register?.rev ?? 0, write, call)) return made
    await clock.sleep(entropy.random() * Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt), options.signal)
  }
}
