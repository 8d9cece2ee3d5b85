import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/adapters/system/clock.ts'
import { createAuth } from '../../../src/auth/auth.ts'
import { createLocalIssuer } from '../../../src/auth/local-issuer.ts'
import { resolveConfig } from '../../../src/config/resolve.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-issuer-'))
})
afterEach(() => rm(folder, { recursive: true }))

const keyFile = () => join(folder, '.kck/local-key.json')

function authenticate(token: string) {
  const { auth, access } = resolveConfig({ auth: { issuer: 'local' } }, { folder, environment: {} })
  const issuer = createLocalIssuer(keyFile())
  const options = { clock: systemClock, fetchJwks: () => issuer.publicKeys() }
  return createAuth(auth, access, options).authenticate(`Bearer ${token}`)
}

it('issues tokens that the issuer "local" in the settings takes', async () => {
  const token = await createLocalIssuer(keyFile()).issue(
    {
      subject: 'ada',
      scopes: ['read', 'kck/admin'],
      claims: { customer_id: 7, groups: ['staff'] },
      expiresInMs: 60_000,
    },
    systemClock.now(),
  )
  expect(await authenticate(token)).toMatchObject({
    iss: 'urn:kck:local',
    aud: 'kck',
    sub: 'ada',
    scope: 'read kck/admin',
    customer_id: 7,
    groups: ['staff'],
  })
})

it('keeps its key where only its owner reads it, and gives away the public part alone', async () => {
  const { keys } = await createLocalIssuer(keyFile()).publicKeys()
  expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
  expect(Object.keys(keys[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

it('has one key, also when many processes make it at the same time', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => createLocalIssuer(keyFile()).publicKeys()))
  expect(new Set(all.map(({ keys }) => keys[0]?.kid)).size).toBe(1)
})

it("does not take another folder's tokens", async () => {
  const other = createLocalIssuer(join(folder, 'other/local-key.json'))
  const token = await other.issue({ subject: 'eve', expiresInMs: 60_000 }, systemClock.now())
  await expect(authenticate(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})

it('refuses claims that are its own, and a key that is none', async () => {
  const issuer = createLocalIssuer(keyFile())
  const token = { subject: 'ada', claims: { iss: 'x' }, expiresInMs: 60_000 }
  await expect(issuer.issue(token, systemClock.now())).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  await issuer.publicKeys()
  await writeFile(keyFile(), '{')
  await expect(issuer.publicKeys()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
})
