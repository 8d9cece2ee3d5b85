import { hash } from '../entry/body.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Registers } from '../ports/registers.ts'

export interface OnceDeps {
  readonly registers: Registers
  readonly clock: Clock
  readonly entropy: Entropy
}

interface Remembered<T> {
  /** Hash of what was asked for. */
  readonly of: string
  readonly answer: T
}

const REMEMBERED_MS = 86_400_000
/** What a register holds. */
const MOST_BYTES = 64 * 1024

/**
 * Does the work of an id once: a repetition within a day gets the answer of the first time. Two at the same time, or one
 * after a crash, may both do it, so the work itself must be harmless to repeat. Throws `INVALID_BODY` when the id was used
 * for something else.
 */
export async function once<T>(deps: OnceDeps, id: string, asked: unknown, work: () => Promise<T>): Promise<T> {
  const { registers, clock, entropy } = deps
  const name = `once/${hash(id)}`
  const of = hash(JSON.stringify(asked))
  const known = await registers.get(name)
  if (known) {
    const remembered = JSON.parse(known.text) as Remembered<T>
    if (remembered.of === of) return remembered.answer
    throw new KckError('INVALID_BODY', 'This idempotency key stands for another request', {
      details: { field: 'Idempotency-Key' },
    })
  }
  const answer = await work()
  const text = JSON.stringify({ of, answer } satisfies Remembered<T>)
  // A hundred keys of the greatest length: such work is done again.
  if (Buffer.byteLength(text) > MOST_BYTES) return answer
  const write = { text, operation: entropy.id(), removeAt: clock.now() + REMEMBERED_MS }
  // The work is done; at worst a repetition does it again.
  await registers.compareAndSet(name, 0, write).catch((error: unknown) => {
    emit({ type: 'fault', where: 'remembering an idempotency key', error })
  })
  return answer
}
