import { KckError } from '../errors.ts'
import type { Claims } from '../primer/definition.ts'
import { type HeaderList, singleHeader } from './request.ts'

/** The key of this caller, given with or without the quotes that the draft of the header asks for. */
export function idempotencyKey(headers: HeaderList, claims: Claims | null): string | null {
  const header = singleHeader(headers, 'idempotency-key')
  if (header === undefined) return null
  const key = /^(?:"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))$/.exec(header.trim())
  if (key === null) throw new KckError('BAD_REQUEST', 'Idempotency-Key takes 1 to 255 visible ASCII characters')
  // Another caller's key is another key.
  return `http ${claims?.['sub'] ?? ''} ${key[1] ?? key[2]}`
}
