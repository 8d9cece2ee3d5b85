import { createHash, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose'
import { localAudience, localIssuerName } from '../config/auth-settings.ts'
import { KckError } from '../errors.ts'

interface LocalToken {
  /** `sub`. */
  readonly subject: string
  readonly scopes?: readonly string[]
  /** Any others; none that the issuer sets itself. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly expiresInMs: number
}

const algorithm = 'ES256'
const ownClaims = ['iss', 'aud', 'sub', 'iat', 'exp', 'nbf', 'scope', 'jti']

/** The issuer `local`: a key in a file that only its owner can read, made when it is first needed. For development. */
export interface LocalIssuer {
  /** What verifiers get. */
  publicKeys(): Promise<{ readonly keys: readonly JWK[] }>
  issue(token: LocalToken, now: number): Promise<string>
}

export function createLocalIssuer(keyFile: string): LocalIssuer {
  const key = async (): Promise<JWK> => (await readKey(keyFile)) ?? (await makeKey(keyFile))
  return {
    async publicKeys() {
      const { d: _, ...publicKey } = await key()
      return { keys: [publicKey] }
    },
    async issue({ subject, scopes = [], claims = {}, expiresInMs }, now) {
      const taken = Object.keys(claims).find((name) => ownClaims.includes(name))
      if (taken !== undefined) throw new KckError('BAD_REQUEST', `The claim ${taken} is set by the issuer itself`)
      const jwk = await key()
      const issuedAt = Math.floor(now / 1000)
      return new SignJWT({ ...claims, ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}) })
        .setProtectedHeader({ alg: algorithm, kid: jwk.kid as string, typ: 'JWT' })
        .setIssuer(localIssuerName)
        .setAudience(localAudience)
        .setSubject(subject)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + Math.floor(expiresInMs / 1000))
        .setJti(randomUUID())
        .sign(await importJWK(jwk, algorithm))
    },
  }
}

async function readKey(file: string): Promise<JWK | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JWK
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return null
    const message = 'The local key cannot be read; remove .kck/local-key.json to have a new one made'
    throw configError(message, error)
  }
}

const configError = (message: string, cause: unknown) => new KckError('INVALID_CONFIG', message, { cause })

/** Written beside its place and then linked there, which fails if another process was first: all end up with one key. */
async function makeKey(file: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = await exportJWK(privateKey)
  const kid = createHash('sha256').update(`${jwk.x}.${jwk.y}`).digest('base64url').slice(0, 16)
  await mkdir(dirname(file), { recursive: true })
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, JSON.stringify({ ...jwk, kid, alg: algorithm, use: 'sig' }), { mode: 0o600 })
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error
  } finally {
    await rm(draft)
  }
  return (await readKey(file)) as JWK
}
