import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readBody } from '../../../src/http/body.ts'
import { maxJsonDepth, parseJsonStrictly } from '../../../src/http/json-guard.ts'
import { type EdgeRequest, tooLarge } from '../../../src/http/request.ts'

function request(body: string | Uint8Array, ...headers: [string, string][]): EdgeRequest {
  const bytes = Buffer.from(body)
  return {
    method: 'PUT',
    rawPath: '/',
    rawQuery: '',
    headers,
    requestId: '1',
    signal: new AbortController().signal,
    body: (limit) => (bytes.length > limit ? Promise.reject(tooLarge(limit)) : Promise.resolve(bytes)),
  }
}

const json: [string, string] = ['Content-Type', 'application/json']
const form: [string, string] = ['content-type', 'application/x-www-form-urlencoded']
const read = (body: string | Uint8Array, ...headers: [string, string][]) => readBody(request(body, ...headers), 1000)

describe('a body', () => {
  test.each([['application/json'], ['application/json; charset=utf-8'], ['APPLICATION/JSON;CHARSET="UTF-8"']])(
    'may be %s',
    async (type) => {
      expect(await read('{"a":"ä"}', ['content-type', type])).toEqual({ fields: { a: 'ä' }, kind: 'json' })
    },
  )

  test('may be a form, as clients of the original send it', async () => {
    expect(await read('a=1&b=x+y%C3%A4&c', form)).toEqual({ fields: { a: '1', b: 'x yä', c: '' }, kind: 'form' })
  })

  test('may be missing', async () => {
    expect(await read('')).toEqual({ fields: {}, kind: 'json' })
  })

  test.each<[string, string | Uint8Array, [string, string][], string]>([
    ['no type', '{}', [], 'UNSUPPORTED_MEDIA_TYPE'],
    ['plain text', '{}', [['content-type', 'text/plain']], 'UNSUPPORTED_MEDIA_TYPE'],
    ['multipart', '{}', [['content-type', 'multipart/form-data; boundary=x']], 'UNSUPPORTED_MEDIA_TYPE'],
    ['UTF-7', '{}', [['content-type', 'application/json; charset=utf-7']], 'UNSUPPORTED_MEDIA_TYPE'],
    ['compressed', '{}', [json, ['content-encoding', 'gzip']], 'UNSUPPORTED_MEDIA_TYPE'],
    ['two types', '{}', [json, form], 'BAD_REQUEST'],
    ['too large', 'x'.repeat(1001), [json], 'TOO_LARGE'],
    ['not UTF-8', Buffer.from([0x7b, 0x80, 0x7d]), [json], 'INVALID_BODY'],
    ['a form twice the same', 'a=1&a=2', [form], 'INVALID_BODY'],
    ['a form badly encoded', 'a=%zz', [form], 'INVALID_BODY'],
    ['a form with __proto__', '__proto__=1', [form], 'INVALID_BODY'],
    ['an array', '[]', [json], 'INVALID_BODY'],
    ['null', 'null', [json], 'INVALID_BODY'],
  ])('is refused: %s', async (_, body, headers, code) => {
    await expect(read(body, ...headers)).rejects.toMatchObject({ code })
  })
})

describe('JSON of strangers', () => {
  test.each([
    ['an integer beyond 2^53', '{"a":9007199254740993}'],
    ['a number beyond doubles', '{"a":1e400}'],
    ['the same field twice', '{"a":1,"a":2}'],
    ['the same field twice, spelt differently', '{"a":1,"\\u0061":2}'],
    ['__proto__', '{"__proto__":1}'],
    ['__proto__ deep and escaped', '{"a":[{"__pr\\u006fto__" : 1}]}'],
    ['constructor', '{"constructor":{"prototype":{}}}'],
    ['half a surrogate pair', '"a\\ud800b"'],
    ['a byte order mark', '\ufeff{}'],
    ['an open string', '{"a":"b'],
    ['an open string that ends in a backslash', '"a\\'],
    ['trailing text', '{}}'],
    ['one level too deep', `${'['.repeat(maxJsonDepth + 1)}${']'.repeat(maxJsonDepth + 1)}`],
    ['200,000 open brackets', '['.repeat(200_000)],
  ])('%s is refused', (_, text) => {
    expect(() => parseJsonStrictly(text)).toThrow(expect.objectContaining({ code: 'INVALID_BODY' }))
  })

  test('an error repeats nothing of the text, not even in its cause', () => {
    try {
      parseJsonStrictly('{"password":"hunter2","x":')
      expect.unreachable()
    } catch (error) {
      expect(inspect(error, { depth: 5 })).not.toContain('hunter2')
    }
  })

  test('the same name in two objects, names in arrays and escapes are all fine', () => {
    const text = '{"a":{"x":1},"b":{"x":2},"c":["a","a",-1.5e3,"\\"[{__proto__","\\\\"],"d\\u00e4":"\\ud83d\\ude00"}'
    expect(parseJsonStrictly(text)).toEqual(JSON.parse(text))
  })

  test('what can be kept is kept exactly', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value)
        const safe = !/__proto__|constructor|prototype/.test(text) && !/-?\d{16,}/.test(text) && !text.includes('\\ud')
        if (safe) expect(parseJsonStrictly(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('any text is either parsed or refused as an invalid body', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '1', '-', '.', 'e', 'null', ' ', 'u0000')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(piece).map((all) => all.join('')),
        ),
        (text) => {
          try {
            expect(parseJsonStrictly(text)).toEqual(JSON.parse(text))
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_BODY' })
          }
        },
      ),
      { numRuns: 3000 },
    )
  })
})
