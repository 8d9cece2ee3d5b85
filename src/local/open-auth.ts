import { createJwksFetcher, createJwksReader } from '../adapters/http/jwks.ts'
import { type Auth, createAuth } from '../auth/auth.ts'
import type { FetchJwks } from '../auth/key-set.ts'
import type { JwksLocation, ResolvedAuth, ResolvedConfig } from '../config/resolved.ts'
import type { Clock } from '../ports/clock.ts'

/** Who can sign in and what they may, as the settings say. */
export async function openAuth({ auth, access }: ResolvedConfig, clock: Clock): Promise<Auth> {
  return createAuth(auth, access, { clock, fetchJwks: await keysOf(auth) })
}

async function keysOf(auth: ResolvedAuth | null): Promise<FetchJwks> {
  const location: JwksLocation = auth?.jwks ?? { keys: [] }
  if ('url' in location) return createJwksFetcher(location.url)
  if ('file' in location) return createJwksReader(location.file)
  if ('keys' in location) return async () => location
  const { createLocalIssuer } = await import('../auth/local-issuer.ts')
  const issuer = createLocalIssuer(location.localKey)
  // Made now, so that a start is refused here when the folder cannot be written to.
  await issuer.publicKeys()
  return () => issuer.publicKeys()
}
