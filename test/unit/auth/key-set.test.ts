import { describe, expect, it } from 'vitest'
import { createKeySet } from '../../../src/auth/key-set.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import { createSigningKey } from './support.ts'

const [k1, k2] = [createSigningKey('k1'), createSigningKey('k2')]
const hour = 3_600_000

function setUp(answers: { keys?: readonly unknown[]; failing?: boolean; silent?: boolean } = {}) {
  const clock = createVirtualClock(1_000_000)
  const issuer = { keys: [k1.publicJwk] as readonly unknown[], failing: false, silent: false, fetches: 0, ...answers }
  const loaded: string[][] = []
  const keys = createKeySet({
    clock,
    maxAgeMs: hour,
    onKeys: (jwks) => loaded.push(jwks.keys.map(({ kid }) => kid as string)),
    fetchJwks: async () => {
      issuer.fetches++
      if (issuer.silent) return new Promise(() => undefined)
      if (issuer.failing) throw new Error('connect ECONNREFUSED')
      return { keys: issuer.keys }
    },
  })
  const judge = async (kid: string) => keys.ensure(kid)
  return { clock, issuer, keys, judge, loaded }
}

const unavailable = { code: 'AUTH_UNAVAILABLE' }
const unauthenticated = { code: 'UNAUTHENTICATED' }

describe('without keys yet', () => {
  it('fetches once for all requests that wait', async () => {
    const { issuer, judge } = setUp()
    await Promise.all(Array.from({ length: 50 }, () => judge('k1')))
    expect(issuer.fetches).toBe(1)
  })

  it('fault 49: answers 503 at once for 5 s after a fetch that failed', async () => {
    const { clock, issuer, judge } = setUp({ failing: true })
    await expect(judge('k1')).rejects.toMatchObject({ ...unavailable, retryAfterMs: 5_000 })
    await clock.advance(4_999)
    for (let i = 0; i < 20; i++) await expect(judge('k1')).rejects.toMatchObject({ ...unavailable, retryAfterMs: 1 })
    expect(issuer.fetches).toBe(1)
    await clock.advance(1)
    issuer.failing = false
    await judge('k1')
    expect(issuer.fetches).toBe(2)
  })

  it('gives up on an issuer that does not answer within 1 s', async () => {
    const { clock, judge } = setUp({ silent: true })
    const answer = expect(judge('k1')).rejects.toMatchObject(unavailable)
    await clock.advance(1_000)
    await answer
  })

  it.each([
    ['no object', [] as unknown],
    ['no list of keys', { keys: 'k1' }],
    ['keys that are none', { keys: [1] }],
    ['an error page', '<html>'],
  ])('takes %s for a failure', async (_, answer) => {
    const clock = createVirtualClock(0)
    const keys = createKeySet({ clock, maxAgeMs: hour, onKeys: () => undefined, fetchJwks: async () => answer })
    await expect(keys.ensure('k1')).rejects.toMatchObject(unavailable)
  })

  it('leaves out keys that cannot check a signature', async () => {
    const { judge, loaded } = setUp({
      keys: [k1.publicJwk, { ...k2.publicJwk, use: 'enc' }, { kty: 'oct', kid: 'k3', k: 'AA' }, { kty: 'RSA' }],
    })
    await judge('k1')
    expect(loaded).toEqual([['k1']])
    await expect(judge('k3')).rejects.toMatchObject(unauthenticated)
  })
})

describe('with keys', () => {
  it('judges a known key without a promise', async () => {
    const { keys, judge } = setUp()
    await judge('k1')
    expect(keys.ensure('k1')).toBeUndefined()
  })

  it('fault 50: goes on with known keys while the issuer is down', async () => {
    const { clock, issuer, keys, judge } = setUp()
    await judge('k1')
    issuer.failing = true
    for (let minute = 1; minute < 60; minute++) {
      await clock.advance(60_000)
      expect(keys.ensure('k1')).toBeUndefined()
      await clock.advance(0)
    }
    // From half of the age on it tried, at most every 10 seconds; here once a minute.
    expect(issuer.fetches).toBe(1 + 30)
  })

  it('does not use keys of unknown age: an issuer that was down for an hour means 503', async () => {
    const { clock, issuer, judge } = setUp()
    await judge('k1')
    issuer.failing = true
    await clock.advance(hour)
    await expect(judge('k1')).rejects.toMatchObject(unavailable)
    issuer.failing = false
    await clock.advance(5_000)
    await judge('k1')
  })

  it('fault 51: 1,000 unknown keys cost one fetch in 10 s, and known keys nothing', async () => {
    const { clock, issuer, keys, judge } = setUp()
    await judge('k1')
    await clock.advance(10_000)
    for (let i = 0; i < 1000; i++) {
      await expect(judge(`unknown-${i}`)).rejects.toMatchObject(unauthenticated)
      expect(keys.ensure('k1')).toBeUndefined()
      if (i % 100 === 0) await clock.advance(999)
    }
    expect(issuer.fetches).toBe(2)
  })

  it('fault 52: a new key is taken within 10 s in the middle of such a flood', async () => {
    const { clock, issuer, judge } = setUp()
    await judge('k1')
    await clock.advance(60_000)
    await expect(judge('flood')).rejects.toMatchObject(unauthenticated)
    issuer.keys = [k1.publicJwk, k2.publicJwk]
    let waited = 0
    while (
      await judge('k2').then(
        () => false,
        () => true,
      )
    ) {
      await expect(judge(`flood-${waited}`)).rejects.toMatchObject(unauthenticated)
      await clock.advance(500)
      waited += 500
    }
    expect(waited).toBeLessThanOrEqual(10_000)
    await judge('k1')
  })

  it('fault 53: a key that the issuer removed is refused within an hour', async () => {
    const { clock, issuer, judge } = setUp({ keys: [k1.publicJwk, k2.publicJwk] })
    await judge('k2')
    issuer.keys = [k1.publicJwk]
    let minutes = 0
    while (
      await judge('k2').then(
        () => true,
        () => false,
      )
    ) {
      await clock.advance(60_000)
      minutes++
    }
    expect(minutes).toBeLessThanOrEqual(60)
  })

  it('says 503 for an unknown key that it could not ask for', async () => {
    const { clock, issuer, judge } = setUp()
    await judge('k1')
    await clock.advance(10_000)
    issuer.failing = true
    await expect(judge('k2')).rejects.toMatchObject(unavailable)
    await expect(judge('k2')).rejects.toMatchObject(unavailable)
    expect(issuer.fetches).toBe(2)
  })

  it('fetches anew when the clock was set back: the age of the keys is unknown then', async () => {
    const { clock, issuer, judge } = setUp()
    await judge('k1')
    await clock.advance(-1000)
    await judge('k1')
    expect(issuer.fetches).toBe(2)
  })
})
