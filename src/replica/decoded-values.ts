import type { ReplicaState } from '../ports/replica-state.ts'
import { freeze } from './freeze.ts'

interface Decoded<T> {
  readonly value: T
  readonly bytes: number
}

/** Bytes that a decoded value is taken for beside its encoded ones. */
const OVERHEAD = 100

export interface DecodedValuesOptions<T> {
  readonly state: ReplicaState
  readonly decode: (bytes: Buffer) => T
  /** Bytes of encoded values whose decoded form is kept. */
  readonly capacity: number
}

/**
 * What this process has decoded, by key; never older than the file: each question asks the file whether it has changed,
 * and if so which keys, which are forgotten. Keeps two generations; when the younger is full, the older is dropped.
 */
export class DecodedValues<T> {
  readonly #state: ReplicaState
  readonly #decode: (bytes: Buffer) => T
  readonly #half: number
  #young = new Map<string, Decoded<T>>()
  #old = new Map<string, Decoded<T>>()
  #youngBytes = 0
  #stamp = -1
  #version = -1

  constructor({ state, decode, capacity }: DecodedValuesOptions<T>) {
    this.#state = state
    this.#decode = decode
    this.#half = capacity / 2
  }

  /** The value kept under `name`, a text that stands for the key. */
  find(name: string): Decoded<T> | undefined {
    const stamp = this.#state.stamp()
    if (stamp !== this.#stamp) this.#forgetChanged(stamp)
    const young = this.#young.get(name)
    if (young) return young
    const old = this.#old.get(name)
    if (old) this.#keep(name, old)
    return old
  }

  /** Reads the key that `find` did not find, and keeps its value. */
  read(name: string, key: Buffer): T | undefined {
    const bytes = this.#state.get(key)
    if (bytes === undefined) return undefined
    const value = freeze(this.#decode(bytes))
    this.#keep(name, { value, bytes: bytes.length + OVERHEAD })
    return value
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#youngBytes = 0
    this.#stamp = -1
    this.#version = -1
  }

  #keep(name: string, decoded: Decoded<T>): void {
    this.#young.set(name, decoded)
    this.#youngBytes += decoded.bytes
    if (this.#youngBytes < this.#half) return
    this.#old = this.#young
    this.#young = new Map()
    this.#youngBytes = 0
  }

  /** The stamp was read before the changes, so whatever comes in between is asked for again. */
  #forgetChanged(stamp: number): void {
    const { version, keys } = this.#state.changes(this.#version)
    if (keys === null) this.clear()
    else for (const key of keys) this.#forget(nameOf(key))
    this.#stamp = stamp
    this.#version = version
  }

  #forget(name: string): void {
    this.#young.delete(name)
    this.#old.delete(name)
  }
}

/** Bytes as a text in which each byte is a character; for ASCII the text that they spell. */
export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
