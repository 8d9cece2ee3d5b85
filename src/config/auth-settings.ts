import { resolve } from 'node:path'
import type { Problem } from './reader.ts'
import type { JwksLocation, ResolvedAuth } from './resolved.ts'
import type { Settings } from './schema.ts'

type AuthSettings = NonNullable<Settings['auth']>

export interface Surroundings {
  readonly folder: string
  /** Others than programs of this machine can reach it. */
  readonly exposed: boolean
}

/** The `auth` settings, checked against each other. Whatever would let in more tokens than its author means is refused. */
export function resolveAuth(auth: AuthSettings, around: Surroundings, problems: Problem[]): ResolvedAuth {
  const refuse = (setting: string, message: string) => problems.push({ setting: `auth.${setting}`, message })
  const { userPoolId, issuer } = auth
  const common = { tokenUse: auth.tokenUse, maxLifetimeMs: auth.maxLifetime, maxKeyAgeMs: auth.maxKeyAge }

  if ((userPoolId === undefined) === (issuer === undefined)) {
    refuse('issuer', 'must be given, or auth.userPoolId: exactly one of them')
    return { ...common, issuer: '', userPoolId: null, jwks: { keys: [] }, clientId: null, audience: null }
  }
  if (issuer === 'local') return { ...localIssuer(auth, around, refuse), ...common }

  const clientId = auth.clientId ?? null
  checkClient(auth, refuse)
  if (userPoolId !== undefined) {
    if (!/^[a-z]{2,4}(-[a-z]+)+-\d_[A-Za-z0-9]+$/.test(userPoolId))
      refuse('userPoolId', "must be a pool's id, such as 'eu-west-1_Ab12Cd34e'")
    if (auth.audience !== null)
      refuse('audience', 'is for other issuers; name the clients of a user pool in auth.clientId')
    const url = `https://cognito-idp.${userPoolId.split('_')[0]}.amazonaws.com/${userPoolId}`
    return { ...common, issuer: url, userPoolId, jwks: locate(auth, url, around, refuse), clientId, audience: null }
  }
  if (auth.jwks === undefined && !isSafeUrl(issuer as string)) {
    refuse('issuer', "must be an https URL, exactly as in the tokens' iss; or give auth.jwks")
  }
  const jwks = locate(auth, issuer as string, around, refuse)
  return { ...common, issuer: issuer as string, userPoolId: null, jwks, clientId, audience: auth.audience }
}

type Refuse = (setting: string, message: string) => void

/** The `iss` and `aud` of the tokens that `kck token` makes. */
export const localIssuerName = 'urn:kck:local'
export const localAudience = 'kck'

function localIssuer({ jwks, clientId, audience, allowAnyClient }: AuthSettings, around: Surroundings, refuse: Refuse) {
  if (around.exposed) {
    refuse('issuer', "'local' is for development: it works only while server.host is this machine's own (127.0.0.1)")
  }
  for (const [name, value] of Object.entries({
    jwks,
    clientId,
    audience: audience ?? undefined,
    allowAnyClient: allowAnyClient || undefined,
  })) {
    if (value !== undefined) refuse(name, "is not for the issuer 'local'; leave it out")
  }
  const location: JwksLocation = { localKey: resolve(around.folder, '.kck/local-key.json') }
  return { issuer: localIssuerName, userPoolId: null, jwks: location, clientId: null, audience: [localAudience] }
}

/** Without a client or audience a token made for any other application of the same issuer would be taken here. */
function checkClient({ clientId, audience, allowAnyClient }: AuthSettings, refuse: Refuse): void {
  const named = (clientId ?? null) !== null || audience !== null
  if (!named && !allowAnyClient) {
    const why = 'tokens that the issuer made for other applications would be taken'
    refuse(
      'clientId',
      `must name the clients (or auth.audience the audience): without, ${why}. auth.allowAnyClient: true takes them`,
    )
  }
  if (named && allowAnyClient)
    refuse('allowAnyClient', 'contradicts auth.clientId and auth.audience; leave one of them out')
}

function locate({ jwks }: AuthSettings, issuer: string, { folder }: Surroundings, refuse: Refuse): JwksLocation {
  if (jwks === undefined) return { url: `${issuer.replace(/\/$/, '')}/.well-known/jwks.json` }
  if (typeof jwks === 'object') {
    const isPublic = (key: object) => typeof key === 'object' && key !== null && !('d' in key) && !('k' in key)
    if (jwks.keys.length === 0) refuse('jwks', 'has no keys')
    if (!jwks.keys.every(isPublic)) refuse('jwks', 'holds a private or secret key; only public ones belong there')
    return jwks
  }
  if (!/^[a-z][a-z0-9+.-]*:/i.test(jwks)) return { file: resolve(folder, jwks) }
  if (!isSafeUrl(jwks)) refuse('jwks', 'must be an https URL (http only for this machine), a file, or { keys: [...] }')
  return { url: jwks }
}

function isSafeUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
}

/** Whether a host name or address is this machine and nothing else. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}
