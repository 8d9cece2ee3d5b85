import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_BYTES, readMessage, writeMessage } from '../../../src/adapters/sqs/message.ts'

const now = Date.UTC(2026, 10, 20)

test('a request is the same after it was written and read', () => {
  const request = fc.record(
    {
      key: fc.string({ minLength: 1, unit: 'binary' }),
      cause: fc.string({ minLength: 1, maxLength: 50, unit: 'binary' }),
      at: fc.nat(),
      changes: fc.array(fc.jsonValue()),
    },
    { requiredKeys: ['key', 'cause', 'at'] },
  )
  fc.assert(
    fc.property(request, (given) => {
      const text = writeMessage(given)
      expect(text).toMatch(/^[ -~]*$/)
      expect(readMessage(text, 0)).toEqual({ request: JSON.parse(JSON.stringify(given)) })
    }),
  )
})

test('changes that are too long for a message are left out', () => {
  const request = { key: 'product/1', cause: 'change', at: now }
  const text = writeMessage({ ...request, changes: ['x'.repeat(MAX_BYTES)] })
  expect(readMessage(text, 0)).toEqual({ request })
})

test('what the sender did not say is filled in', () => {
  expect(readMessage('{"v":1,"key":"product/1"}', now)).toEqual({
    request: { key: 'product/1', cause: 'manual', at: now },
  })
})

test.each([
  ['no JSON', 'not json'],
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['no key', '{"v":1}'],
  ['a key that is no text', '{"v":1,"key":7}'],
  ['an empty key', '{"v":1,"key":""}'],
  ['a field of no version', '{"v":1,"key":"product/1","gen":-1}'],
  ['a negative time', '{"v":1,"key":"product/1","at":-1}'],
  ['a time that is a text', '{"v":1,"key":"product/1","at":"now"}'],
  ['a negative depth', '{"v":1,"key":"product/1","depth":-1}'],
  ['changes that are no list', '{"v":1,"key":"product/1","changes":{}}'],
  ['a cause that is a book', `{"v":1,"key":"product/1","cause":"${'x'.repeat(201)}"}`],
])('%s cannot be read', (_, text) => {
  expect(readMessage(text, now)).toMatchObject({ reason: 'UNREADABLE' })
})

test.each(['{"v":99,"key":"product/1"}', '{"v":"1","key":"product/1"}', '{"key":"product/1"}'])(
  '%s is of an unknown version',
  (text) => {
    expect(readMessage(text, now)).toMatchObject({ reason: 'UNKNOWN_VERSION' })
  },
)

test('a request that others asked for without end is dropped', () => {
  expect(readMessage('{"v":1,"key":"product/1","depth":100}', now)).toHaveProperty('request')
  expect(readMessage('{"v":1,"key":"product/1","depth":1000}', now)).toEqual({
    dropped: 'product/1',
    reason: 'REFRESH_DEPTH_EXCEEDED',
  })
})

test('no text makes reading throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
      readMessage(text, now)
    }),
  )
})
