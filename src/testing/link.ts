import { type ErrorCode, KckError } from '../errors.ts'
import type { Entropy } from '../ports/clock.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface CallKind {
  readonly signal?: AbortSignal | undefined
  /** It changes something, and doing it twice is allowed by its port. */
  readonly repeatable?: boolean
  /** What the caller hears when there is no answer. */
  readonly unavailable?: ErrorCode
}

/**
 * The way between one process and everything else. A call is three moments: the request travels, it takes effect at
 * one instant, the answer travels. After `cut` nothing of this process goes on: no call settles any more. What had left
 * it by then still arrives.
 */
export class Link {
  plan: FaultPlan
  readonly #clock: VirtualClock
  readonly #entropy: Entropy
  #isCut = false

  constructor(clock: VirtualClock, entropy: Entropy, plan: FaultPlan) {
    this.#clock = clock
    this.#entropy = entropy
    this.plan = plan
  }

  get isCut(): boolean {
    return this.#isCut
  }

  cut(): void {
    this.#isCut = true
  }

  call<T>(effect: () => Promise<T>, kind: CallKind = {}): Promise<T> {
    const { signal } = kind
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      let open = !this.#isCut
      const onAbort = () => settle(() => reject(signal?.reason))
      const settle = (how: () => void) => {
        if (!open || this.#isCut) return
        open = false
        signal?.removeEventListener('abort', onAbort)
        how()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      if (open) this.#travel(effect, kind, { answer: (done) => done.then(resolve, reject), settle, reject })
    })
  }

  #travel<T>(effect: () => Promise<T>, kind: CallKind, caller: Caller<T>): void {
    const { plan } = this
    if (this.happens(plan.lostRequest)) {
      if (this.happens(plan.late)) this.#clock.after(this.between(plan.lateMs), () => void effect().catch(ignore))
      this.#giveUp(kind, caller)
      return
    }
    if (kind.repeatable && this.happens(plan.repeated)) {
      this.#clock.after(this.between(plan.lateMs), () => void effect().catch(ignore))
    }
    const isAnswerLost = this.happens(plan.lostAnswer)
    this.#clock.after(this.#wayMs(), () => {
      const done = effect()
      if (isAnswerLost) {
        done.catch(ignore)
        return
      }
      const arrive = () => this.#clock.after(this.#wayMs(), () => caller.settle(() => caller.answer(done)))
      done.then(arrive, arrive)
    })
    if (isAnswerLost) this.#giveUp(kind, caller)
  }

  #giveUp<T>({ unavailable = 'STORE_UNAVAILABLE' }: CallKind, caller: Caller<T>): void {
    const error = () => new KckError(unavailable, 'There was no answer (injected fault)')
    this.#clock.after(this.plan.timeoutMs, () => caller.settle(() => caller.reject(error())))
  }

  #wayMs(): number {
    const { plan } = this
    return this.between(this.happens(plan.slow) ? plan.slowMs : plan.latencyMs)
  }

  happens(chance: number): boolean {
    return chance > 0 && this.#entropy.random() < chance
  }

  between([least, most]: readonly [number, number]): number {
    return Math.round(least + this.#entropy.random() * (most - least))
  }
}

interface Caller<T> {
  readonly answer: (done: Promise<T>) => void
  readonly settle: (how: () => void) => void
  readonly reject: (error: KckError) => void
}

function ignore(): void {
  // Nobody waits for it.
}
