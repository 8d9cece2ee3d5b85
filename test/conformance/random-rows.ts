import fc from 'fast-check'
import type { Body, EntryRow, Materialization } from '../../src/entry/entry.ts'
import { noise } from './rows.ts'

const time = fc.integer({ min: 0, max: 4_000_000_000_000 })
const optionalTime = fc.option(time)
const name = fc.string({ unit: 'binary', maxLength: 24 })
const input = fc.record({ node: name, version: fc.option(time), contentHash: fc.option(name), edge: name })

const body: fc.Arbitrary<Body> = fc.record({
  id: fc.uuid(),
  encoding: fc.constantFrom('identity', 'gzip', 'zstd'),
  length: fc.nat(),
  checksum: name,
  inline: fc.option(
    fc.oneof(
      { weight: 4, arbitrary: fc.uint8Array({ maxLength: 300 }) },
      { weight: 1, arbitrary: fc.nat(65_536).map((length) => noise(length)) },
    ),
  ),
  chunks: fc.nat(200),
  chunksExpireAt: optionalTime,
})

const value: fc.Arbitrary<Materialization> = fc.record({
  version: time,
  builtEpoch: fc.nat(),
  asOf: time,
  modified: time,
  softExpiresAt: optionalTime,
  hardExpiresAt: optionalTime,
  contentHash: name,
  primerRevision: name,
  inputs: fc.array(input, { maxLength: 4 }),
  ancestors: fc.array(input, { maxLength: 4 }),
  costMs: fc.double({ min: 0, max: 1e7, noNaN: true }).map((cost) => cost + 0),
  body,
})

/** Everything of a row but `key`, `rev` and `removeAt`, which a test decides. */
export const rowFields: fc.Arbitrary<Omit<EntryRow, 'key' | 'rev' | 'removeAt'>> = fc.record({
  ops: fc.array(fc.uuid(), { maxLength: 8 }),
  epoch: fc.nat(),
  absorbed: fc.array(fc.uuid(), { maxLength: 5 }),
  dirtyAt: optionalTime,
  dirtyCause: fc.option(name),
  dirtyDirect: fc.boolean(),
  requested: fc.option(fc.record({ at: time, lane: name, cause: name })),
  value: fc.option(value),
  superseded: fc.constant(null),
  lease: fc.option(fc.record({ token: name, until: time, epoch: fc.nat(), since: time })),
  failure: fc.option(
    fc.record({
      attempts: fc.nat(),
      code: name,
      message: name,
      at: time,
      primerRevision: name,
      epoch: fc.nat(),
      retryAt: optionalTime,
    }),
  ),
  lastVersion: time,
  retired: fc.array(fc.record({ id: fc.uuid(), chunks: fc.nat(200), at: time }), { maxLength: 3 }),
})

/** A canonical key of up to 1,152 bytes: a prefix of the test's own, then segments of any printable text. */
export const keyTail: fc.Arbitrary<string> = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), { maxLength: 6 })
  .map((segments) => segments.map((segment) => `/${encodeSegment(segment)}`).join(''))

function encodeSegment(text: string): string {
  return text.normalize('NFC').replace(/[^\p{L}\p{N}\-._~]/gu, (character) => encodeURIComponent(character))
}
