import { emit } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Registers } from '../ports/registers.ts'
import type { ProductKey } from '../primer/registry.ts'

/** How long a process believes what it last read of a primer's standing. */
const BELIEVE_MS = 60_000

/**
 * Whether a primer's `augment` may be used. One that disagreed with a recompute once is switched off, in every process,
 * until its definition changes.
 */
export class AugmentTrust {
  readonly #deps: { readonly registers: Registers; readonly clock: Clock; readonly entropy: Entropy }
  readonly #known = new Map<string, { readonly trusted: boolean; readonly at: number }>()

  constructor(deps: { readonly registers: Registers; readonly clock: Clock; readonly entropy: Entropy }) {
    this.#deps = deps
  }

  async trusted(product: ProductKey): Promise<boolean> {
    const name = nameOf(product)
    const now = this.#deps.clock.now()
    const known = this.#known.get(name)
    if (known && (!known.trusted || now - known.at < BELIEVE_MS)) return known.trusted
    const trusted = (await this.#deps.registers.get(name)) === null
    this.#known.set(name, { trusted, at: now })
    return trusted
  }

  async switchOff(product: ProductKey): Promise<void> {
    const name = nameOf(product)
    const { clock, entropy, registers } = this.#deps
    this.#known.set(name, { trusted: false, at: clock.now() })
    const text = JSON.stringify({ key: product.text, at: clock.now() })
    emit({
      type: 'fault',
      where: `augment of ${product.primer.name}`,
      key: product.text,
      error: new Error('An augmented value differs from a recomputed one: augment is switched off for this primer'),
    })
    await registers.compareAndSet(name, 0, { text, operation: entropy.id(), removeAt: null })
  }
}

function nameOf({ primer }: ProductKey): string {
  return `augment-off/${primer.name}/${primer.revision}`
}
