import { createHash, createHmac } from 'node:crypto'
import type { auth } from 'cassandra-driver'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SigV4AuthProvider } from '../../../../src/adapters/keyspaces/auth-provider.ts'
import { credentialSource } from '../../../../src/adapters/keyspaces/credentials.ts'
import { answerChallenge } from '../../../../src/adapters/keyspaces/sigv4.ts'
import { createVirtualClock } from '../../../support/virtual-clock.ts'

const NONCE = '91703fdc2ef562e19fbdab0f58e42fe5'
const AT = 1_591_742_511_000
const DOCUMENTED =
  'signature=7f3691c18a81b8ce7457699effbfae5b09b4e0714ab38c1292dbdf082c9ddd87,access_key=UserID-1,amzdate=2020-06-09T22:41:51.000Z'
const documented = {
  nonce: NONCE,
  region: 'us-west-2',
  credentials: { accessKeyId: 'UserID-1', secretAccessKey: 'UserSecretKey-1' },
  at: AT,
}

describe('the signature', () => {
  test('is the one that the published plugins document', () => {
    expect(answerChallenge(documented)).toBe(DOCUMENTED)
  })

  test('of temporary credentials is followed by their token', () => {
    const credentials = { ...documented.credentials, sessionToken: 'sess-token-1' }
    expect(answerChallenge({ ...documented, credentials })).toBe(`${DOCUMENTED},session_token=sess-token-1`)
  })

  test('is what a server computes that knows the secret, for any challenge', () => {
    fc.assert(
      fc.property(challenges, (challenge) => {
        const fields = Object.fromEntries(
          answerChallenge(challenge)
            .split(',')
            .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
        )
        expect(fields['access_key']).toBe(challenge.credentials.accessKeyId)
        expect(fields['session_token']).toBe(challenge.credentials.sessionToken)
        expect(fields['signature']).toBe(verifier(challenge, String(fields['amzdate'])))
      }),
    )
  })

  test('changes with everything that it signs', () => {
    const signature = (change: object) => answerChallenge({ ...documented, ...change }).slice(0, 74)
    const others = [
      { nonce: `${NONCE}0` },
      { region: 'us-west-1' },
      { at: AT + 1 },
      { credentials: { accessKeyId: 'UserID-2', secretAccessKey: 'UserSecretKey-1' } },
      { credentials: { accessKeyId: 'UserID-1', secretAccessKey: 'UserSecretKey-2' } },
    ].map(signature)
    expect(new Set([...others, signature({})]).size).toBe(6)
  })
})

const letters = fc.string({ unit: fc.constantFrom(...'ABCxyz0189'), minLength: 1, maxLength: 30 })
const challenges = fc.record({
  nonce: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 64 }),
  region: fc.constantFrom('us-east-1', 'eu-central-1', 'cn-north-1'),
  credentials: fc.record({
    accessKeyId: letters,
    secretAccessKey: fc.string({ minLength: 1, maxLength: 60 }),
    sessionToken: fc.option(letters, { nil: undefined }),
  }),
  at: fc.integer({ min: Date.UTC(2020), max: Date.UTC(2100) }),
})

/** Written a second time, from the documentation of Signature Version 4 and of its use by Keyspaces. */
function verifier({ nonce, region, credentials }: typeof documented, date: string): string {
  const hex = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex')
  const mac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text, 'utf8').digest()
  const day = date.replace(/-/g, '').split('T')[0] as string
  const scope = `${day}/${region}/cassandra/aws4_request`
  const parameters = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': '900',
  })
  const canonical = `PUT\n/authenticate\n${parameters}\nhost:cassandra\n\nhost\n${hex(nonce)}`
  const key = mac(mac(mac(mac(`AWS4${credentials.secretAccessKey}`, day), region), 'cassandra'), 'aws4_request')
  return mac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hex(canonical)}`).toString('hex')
}

describe('signing in', () => {
  const provider = (credentials = async () => documented.credentials as never) =>
    new SigV4AuthProvider({ region: 'us-west-2', credentials, clock: { now: () => AT } })

  test('begins with the mechanism, and answers the challenge wherever the nonce stands in it', async () => {
    const authenticator = provider().newAuthenticator()
    const first = await new Promise((resolve) => {
      authenticator.initialResponse((_: unknown, token: Buffer) => resolve(token))
    })
    expect(first).toEqual(Buffer.from('SigV4\0\0'))
    for (const challenge of [`nonce=${NONCE}`, `realm=x,nonce=${NONCE},more=y`]) {
      expect(await evaluate(authenticator, challenge)).toBe(DOCUMENTED)
    }
  })

  test('fails for a challenge without a nonce', async () => {
    const answer = evaluate(provider().newAuthenticator(), 'realm=x')
    await expect(answer).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  test('fails with a sentence when there are no credentials', async () => {
    const nothing = credentialSource({
      clock: createVirtualClock(),
      environment: {},
      chain: async () => async () => {
        throw new Error('Could not load credentials from any providers')
      },
    })
    const answer = evaluate(provider(nothing as never).newAuthenticator(), `nonce=${NONCE}`)
    await expect(answer).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
    })
  })
})

function evaluate(authenticator: auth.Authenticator, challenge: string): Promise<string> {
  return new Promise((resolve, reject) => {
    authenticator.evaluateChallenge(Buffer.from(challenge), (error: Error | null, token?: Buffer) => {
      if (error) reject(error)
      else resolve(String(token))
    })
  })
}

describe('credentials', () => {
  test('of the environment are read each time, without the AWS SDK', async () => {
    const environment: Record<string, string> = {
      AWS_ACCESS_KEY_ID: 'one',
      AWS_SECRET_ACCESS_KEY: 'two',
      AWS_SESSION_TOKEN: 'three',
    }
    const find = credentialSource({
      clock: createVirtualClock(),
      environment,
      chain: () => Promise.reject(new Error('not asked')),
    })
    expect(await find()).toEqual({ accessKeyId: 'one', secretAccessKey: 'two', sessionToken: 'three' })
    environment['AWS_ACCESS_KEY_ID'] = 'another'
    environment['AWS_SESSION_TOKEN'] = ''
    expect(await find()).toEqual({ accessKeyId: 'another', secretAccessKey: 'two', sessionToken: undefined })
  })

  test('that nobody can tell of fail after a while', async () => {
    const { promise: never } = Promise.withResolvers<never>()
    const clock = createVirtualClock()
    const finding = credentialSource({ clock, environment: {}, chain: async () => () => never })()
    const failed = expect(finding).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await clock.advance(5_000)
    await failed
  })
})
