import { createHash, createHmac } from 'node:crypto'
import type { AwsCredentials } from './credentials.ts'

export interface Challenge {
  readonly nonce: string
  readonly region: string
  readonly credentials: AwsCredentials
  /** Milliseconds since 1970. The server takes no signature of another quarter of an hour. */
  readonly at: number
}

/**
 * The answer to Keyspaces' SASL challenge: Signature Version 4 of a request `PUT /authenticate` that is never made, with
 * the hash of the nonce as its payload.
 */
export function answerChallenge({ nonce, region, credentials, at }: Challenge): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const time = new Date(at).toISOString()
  const day = time.slice(0, 10).replaceAll('-', '')
  const scope = [day, region, 'cassandra', 'aws4_request']
  // The names stand in the order of their bytes, as the signature wants them.
  const query = [
    'X-Amz-Algorithm=AWS4-HMAC-SHA256',
    `X-Amz-Credential=${encode([accessKeyId, ...scope].join('/'))}`,
    `X-Amz-Date=${encode(time)}`,
    'X-Amz-Expires=900',
  ].join('&')
  const request = ['PUT', '/authenticate', query, 'host:cassandra', '', 'host', sha256(nonce)].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(request)].join('\n')
  const signingKey = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  const signature = hmac(signingKey, toSign).toString('hex')
  const session = sessionToken === undefined ? '' : `,session_token=${sessionToken}`
  return `signature=${signature},access_key=${accessKeyId},amzdate=${time}${session}`
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
