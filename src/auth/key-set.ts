import type { Jwk, Jwks } from 'aws-jwt-verify/jwk'
import { isJwks } from 'aws-jwt-verify/jwk'
import type { Json } from 'aws-jwt-verify/safe-json-parse'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Clock } from '../ports/clock.ts'
import { unauthenticated } from './bearer.ts'

export type FetchJwks = (signal: AbortSignal) => Promise<unknown>

export interface KeySetOptions {
  readonly clock: Clock
  readonly fetchJwks: FetchJwks
  /** Milliseconds after which keys are not trusted any more: how long a removed key may live on. */
  readonly maxAgeMs: number
  /** Called with every new set, before anything is judged by it. */
  readonly onKeys: (jwks: Jwks) => void
}

export interface KeySet {
  /**
   * Makes sure that `kid` is among keys that are young enough; no promise when it is, so that a request with a known
   * key never leaves the tick. Throws `UNAUTHENTICATED` when the issuer does not have it, `AUTH_UNAVAILABLE` when
   * that cannot be told.
   */
  ensure(kid: string): undefined | Promise<void>
}

/** Milliseconds a fetch may take. */
const fetchLimit = 1_000
/** Milliseconds without a fetch after one that failed while there are no keys. */
const openFor = 5_000
/** Milliseconds between two fetches while there are keys. */
const betweenFetches = 10_000

/**
 * The issuer's public keys. They are fetched again at half of their age, off the request path, and when a token names
 * a key that is not among them, at most every 10 seconds. That limit is for all unknown keys together, because every
 * fetch brings all keys: a new key is accepted at most 10 seconds after the issuer publishes it, whatever else
 * arrives, and there is no memory per key that an attacker could fill.
 */
export function createKeySet({ clock, fetchJwks, maxAgeMs, onKeys }: KeySetOptions): KeySet {
  let kids: ReadonlySet<string> = new Set()
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let failed = false
  let running: Promise<void> | null = null

  async function load(): Promise<void> {
    const startedAt = clock.now()
    triedAt = startedAt
    try {
      const jwks = usableKeys(await withLimit(clock, fetchJwks))
      onKeys(jwks)
      kids = new Set(jwks.keys.flatMap(({ kid }) => kid ?? []))
      fetchedAt = startedAt
      failed = false
    } catch (error) {
      failed = true
      triedAt = clock.now()
      emit({ type: 'fault', where: 'auth.keys', code: 'AUTH_UNAVAILABLE', error })
    } finally {
      running = null
    }
  }

  const refresh = (): Promise<void> => {
    running ??= load()
    return running
  }

  const unavailable = (retryAt: number) =>
    new KckError('AUTH_UNAVAILABLE', "The token issuer's keys cannot be fetched; try again later", {
      retryAfterMs: Math.max(0, retryAt - clock.now()),
    })

  async function fetchFirst(): Promise<void> {
    if (running === null && failed && clock.now() < triedAt + openFor) throw unavailable(triedAt + openFor)
    await refresh()
    if (failed) throw unavailable(triedAt + openFor)
  }

  async function fetchUnknown(kid: string): Promise<void> {
    if (running !== null || clock.now() >= triedAt + betweenFetches) await refresh()
    if (kids.has(kid)) return
    if (failed) throw unavailable(triedAt + betweenFetches)
    throw unauthenticated()
  }

  async function ensureLoaded(kid: string): Promise<void> {
    await fetchFirst()
    if (!kids.has(kid)) await fetchUnknown(kid)
  }

  return {
    ensure(kid) {
      const age = clock.now() - fetchedAt
      // A clock set back makes the age negative: the keys' real age is unknown then.
      if (!(age >= 0 && age < maxAgeMs)) return ensureLoaded(kid)
      if (!kids.has(kid)) return fetchUnknown(kid)
      if (age >= maxAgeMs / 2 && clock.now() >= triedAt + betweenFetches) void refresh()
      return undefined
    },
  }
}

async function withLimit(clock: Clock, fetchJwks: FetchJwks): Promise<unknown> {
  const done = new AbortController()
  const late = clock.sleep(fetchLimit, done.signal).then(() => {
    throw new Error(`The issuer's keys did not arrive within ${fetchLimit} ms`)
  })
  try {
    return await Promise.race([fetchJwks(done.signal), late])
  } finally {
    late.catch(() => undefined)
    done.abort()
  }
}

/** The keys that can check a signature. Others (for encryption, symmetric, without an id) have no say. */
function usableKeys(jwks: unknown): Jwks {
  if (!isJwks(jwks as Json)) throw new Error('The issuer answered something that is not a JSON Web Key Set')
  const usable = ({ kid, kty, use }: Jwk) =>
    typeof kid === 'string' && ['RSA', 'EC', 'OKP'].includes(kty) && (use === undefined || use === 'sig')
  return { keys: (jwks as Jwks).keys.filter(usable) }
}
