import { createHash, createHmac } from 'node:crypto'
import type { AwsCredentials } from '../src/adapters/keyspaces/credentials.ts'

export interface AwsRequest {
  /** As AWS names it: `secretsmanager`. */
  readonly service: string
  readonly region: string
  readonly host: string
  readonly body: string
  /** Lower-case names; beside `host` and `x-amz-date`. */
  readonly headers: Readonly<Record<string, string>>
  readonly credentials: AwsCredentials
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * The headers of a signed `POST /` (Signature Version 4). For the one call that the deploy hook makes: the SDK's client
 * for it would be one dependency more.
 */
export function signedHeaders(request: AwsRequest): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = request.credentials
  const time = `${new Date(request.at).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`
  const headers: Record<string, string> = { ...request.headers, host: request.host, 'x-amz-date': time }
  if (sessionToken !== undefined) headers['x-amz-security-token'] = sessionToken
  const names = Object.keys(headers).sort()
  const list = names.join(';')
  const lines = names.map((name) => `${name}:${headers[name]?.trim()}\n`).join('')
  const canonical = ['POST', '/', '', lines, list, sha256(request.body)].join('\n')
  const scope = [time.slice(0, 8), request.region, request.service, 'aws4_request']
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical)].join('\n')
  const signature = hmac(scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`), toSign).toString('hex')
  const credential = [accessKeyId, ...scope].join('/')
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${list}, Signature=${signature}`
  return { ...headers, authorization }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
