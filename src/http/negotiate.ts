import type { ContentEncoding } from '../kck/kck.ts'

interface Preference {
  readonly name: string
  readonly q: number
}

const weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

/** The members of `Accept` or `Accept-Encoding` with their weights; null when one cannot be understood. */
function preferences(header: string): readonly Preference[] | null {
  const found: Preference[] = []
  for (const part of header.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim())
    if (name === '' && parameters.length === 0) continue
    const given = parameters.find((parameter) => /^q\s*=/i.test(parameter))?.replace(/^q\s*=\s*/i, '')
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z/-]+$/.test(name) || (given !== undefined && !weight.test(given))) return null
    found.push({ name: name.toLowerCase(), q: given === undefined ? 1 : Number(given) })
  }
  return found
}

const jsonRanges = ['application/json', 'application/*', '*/*']

/** Whether the caller takes JSON. Only a well-formed `Accept` that leaves JSON out says no. */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '*/*') return true
  const ranges = preferences(accept)
  if (ranges === null || ranges.length === 0) return true
  // The most specific range decides (RFC 9110, 12.5.1).
  for (const range of jsonRanges) {
    const match = ranges.find(({ name }) => name === range)
    if (match) return match.q > 0
  }
  return false
}

/** How much the caller likes each encoding, 0: not at all. */
export type EncodingWeights = Readonly<Record<ContentEncoding, number>>

const identityOnly: EncodingWeights = { identity: 1, gzip: 0, zstd: 0, br: 0 }

/** Identity is acceptable unless excluded, though any encoding that is named goes first. */
const unnamedIdentity = 0.0001

export function parseAcceptEncoding(header: string | undefined): EncodingWeights {
  if (header === undefined) return identityOnly
  const members = preferences(header)
  if (members === null) return identityOnly
  const named = (name: string) => members.find((member) => member.name === name)?.q
  const rest = named('*')
  return {
    identity: named('identity') ?? (rest === 0 ? 0 : unnamedIdentity),
    gzip: named('gzip') ?? named('x-gzip') ?? rest ?? 0,
    zstd: named('zstd') ?? rest ?? 0,
    br: named('br') ?? rest ?? 0,
  }
}

/** Cheapest to make first. */
const cheapestFirst: readonly ContentEncoding[] = ['gzip', 'zstd', 'br', 'identity']

/**
 * The encoding to answer in, null when the caller excludes them all. The stored form wins wherever it is acceptable,
 * because it costs nothing; it was left as identity only where compressing did not pay.
 */
export function chooseEncoding(weights: EncodingWeights, stored: ContentEncoding): ContentEncoding | null {
  if (weights[stored] > 0) return stored
  let best: ContentEncoding | null = null
  for (const encoding of cheapestFirst) {
    if (weights[encoding] > (best === null ? 0 : weights[best])) best = encoding
  }
  return best
}
