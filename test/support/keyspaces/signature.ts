import { createHash, createHmac } from 'node:crypto'

export interface Expected {
  readonly nonce: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** Milliseconds since 1970. */
  readonly now: number
}

const QUARTER_OF_AN_HOUR = 15 * 60_000

/**
 * What is wrong with an answer to the challenge of Keyspaces; null: nothing. Written for the tests and apart from what
 * signs, from AWS's description of Signature Version 4.
 */
export function faultOfSignature(answer: string, expected: Expected): string | null {
  const fields = new Map(
    answer.split(',').map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  )
  const date = fields.get('amzdate') ?? ''
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(date)) return 'no amzdate'
  if (Math.abs(Date.parse(date) - expected.now) > QUARTER_OF_AN_HOUR) return 'the signature has expired'
  if (fields.get('access_key') !== expected.accessKeyId) return 'unknown access key'
  if (fields.get('session_token') !== expected.sessionToken) return 'wrong session token'
  return fields.get('signature') === signatureOf(date, expected) ? null : 'wrong signature'
}

function signatureOf(date: string, { nonce, region, accessKeyId, secretAccessKey }: Expected): string {
  const day = date.slice(0, 10).replaceAll('-', '')
  const scope = `${day}/${region}/cassandra/aws4_request`
  const parameters = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKeyId}/${scope}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': '900',
  })
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const sign = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const request = `PUT\n/authenticate\n${parameters}\nhost:cassandra\n\nhost\n${hash(nonce)}`
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash(request)}`
  const dayKey = sign(`AWS4${secretAccessKey}`, day)
  const key = sign(sign(sign(dayKey, region), 'cassandra'), 'aws4_request')
  return sign(key, text).toString('hex')
}
