import { type CredentialSource, credentialSource } from '../src/adapters/keyspaces/credentials.ts'
import { KckError } from '../src/errors.ts'
import type { Clock } from '../src/ports/clock.ts'
import { signedHeaders } from './aws-request.ts'

export interface Login {
  readonly username: string
  readonly password: string
}

export interface SecretOptions {
  readonly clock: Clock
  readonly credentials?: CredentialSource
  /** @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

const ANSWER_MS = 10_000

/** The user and password in a secret of a database, from Secrets Manager. Throws `INVALID_CONFIG` where there is none. */
export async function readLogin(secretArn: string, options: SecretOptions): Promise<Login> {
  const { clock, environment = process.env } = options
  const find: CredentialSource = options.credentials ?? credentialSource({ clock, environment })
  const region = secretArn.split(':')[3] ?? ''
  // The variable by which the SDKs find another server than AWS.
  const endpoint = environment['AWS_ENDPOINT_URL_SECRETS_MANAGER'] || `https://secretsmanager.${region}.amazonaws.com`
  const { host } = new URL(endpoint)
  const body = JSON.stringify({ SecretId: secretArn })
  const { host: _, ...headers } = signedHeaders({
    service: 'secretsmanager',
    region,
    host,
    body,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' },
    credentials: await find(),
    at: clock.now(),
  })
  const answer = await fetch(endpoint, { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_MS) })
  if (!answer.ok) throw refused(answer.status)
  const { SecretString = '{}' } = (await answer.json()) as { readonly SecretString?: string }
  const { username, password } = JSON.parse(SecretString) as Partial<Login>
  if (!username || !password) throw refused(answer.status)
  return { username, password }
}

function refused(status: number): KckError {
  return new KckError('INVALID_CONFIG', `Secrets Manager gives no user and password for a database (${status})`)
}
