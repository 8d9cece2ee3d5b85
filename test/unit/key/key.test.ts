import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { KckError } from '../../../src/errors.ts'
import { MAX_KEY_LENGTH } from '../../../src/key/key.ts'
import type { ParameterType } from '../../../src/key/parameter.ts'
import { boolean, date, float, int, uuid } from '../../../src/key/scalar-types.ts'
import { schema } from '../../../src/key/schema-type.ts'
import { oneOf, string } from '../../../src/key/string-types.ts'
import { keyTextFault } from '../../../src/key/text.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { primer } from '../../../src/primer/primer.ts'

const compute = () => null
const products = {
  customer_orders: primer({ name: 'customer_orders', parameters: { customer_id: int() }, compute }),
  by_name: primer({ name: 'by_name', parameters: { name: string() }, compute }),
  pair: primer({ name: 'pair', parameters: { a: string(), b: string() }, compute }),
  all: primer({ name: 'all', compute }),
}
const registry = createRegistry({ primers: Object.values(products) })

function refusal(text: string): { code: string; parameter?: unknown; message: string } | string {
  try {
    return registry.parseKey(text).text
  } catch (error) {
    const { code, details, message } = error as KckError
    return { code, message, ...(details['parameter'] === undefined ? {} : { parameter: details['parameter'] }) }
  }
}

const name = (text: string) => registry.parseKey(`by_name/${text}`).parameters['name']

describe('keys of bad-inputs.json', () => {
  const BAD = { code: 'BAD_KEY' }
  const PARAMETER = { code: 'BAD_PARAMETER', parameter: 'customer_id' }
  const UNKNOWN = { code: 'UNKNOWN_PRODUCT' }

  it.each([
    ['key-02', '/', UNKNOWN],
    ['key-05', 'customer_orders/1/2', BAD],
    ['key-06', 'customer_orders/../users/1', BAD],
    ['key-08', 'customer_orders/..%252f..%252fetc', PARAMETER],
    ['key-14', 'customer_orders/%ed%a0%80', BAD],
    ['key-15', 'customer_orders/%00', BAD],
    ['key-17', 'customer_orders/a%0d%0aSet-Cookie:x=1', BAD],
    ['key-19', 'customer_orders/%E2%80%AEa', BAD],
    ['key-25', 'customer_orders/a%1Fb', BAD],
    ['key-26', '__proto__/1', UNKNOWN],
    ['key-27', 'constructor/1', UNKNOWN],
    ['key-28', 'toString/1', UNKNOWN],
    ['key-29', 'hasOwnProperty/1', UNKNOWN],
    ['key-32', 'kck/refreshing/customer_orders', UNKNOWN],
    ['key-33', 'customer_orders/1;DROP TABLE customer', PARAMETER],
    ['key-34', 'customer_orders/1%20OR%201=1', PARAMETER],
    ['key-35', "customer_orders/'%20OR%20'1'='1", PARAMETER],
    ['key-36', 'customer_orders/1e3', { ...PARAMETER, message: expect.stringContaining('written 1000') }],
    ['key-38', 'customer_orders/01', { ...PARAMETER, message: expect.stringContaining('written 1') }],
    ['key-41', 'customer_orders/9007199254740993', PARAMETER],
    ['key-42', 'customer_orders/99999999999999999999', PARAMETER],
    ['key-43', 'customer_orders/NaN', PARAMETER],
    ['key-44', 'customer_orders/1.0', { ...PARAMETER, message: expect.stringContaining('written 1') }],
    ['key-45', 'customer_orders/%20 1', PARAMETER],
    ['key-46', 'customer_orders/\u0661', PARAMETER],
    ['key-47', 'customer_orders/null', PARAMETER],
    ['key-48', 'customer_orders/undefined', PARAMETER],
    ['key-49', 'customer_orders/$where', PARAMETER],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the input is such a text.
    ['key-50', 'customer_orders/${jndi:ldap://127.0.0.1/a}', BAD],
    ['key-51', 'customer_orders/{{7*7}}', PARAMETER],
    ['key-52', 'customer_orders/<script>alert(1)</script>', BAD],
    ['key-54', `by_name/${'a'.repeat(1025)}`, BAD],
    ['key-57', 'by_name/a\ud800b', BAD],
  ])('%s: %s', (_, text, expected) => {
    expect(refusal(text)).toMatchObject(expected)
  })

  it('takes what is data as data', () => {
    expect(name('a%2Fb')).toBe('a/b')
    expect(name('a%252Fb')).toBe('a%2Fb')
    expect(name('..%252f..%252fetc')).toBe('..%2f..%2fetc')
    expect(name('a:b')).toBe('a:b')
    expect(name('a|b')).toBe('a|b')
    expect(name('__proto__')).toBe('__proto__')
    expect(name("'%20OR%20'1'='1")).toBe("' OR '1'='1")
    expect(name('a'.repeat(1024))).toHaveLength(1024)
  })

  it('never shows the input in a message', () => {
    for (const text of ['customer_orders/<script>', 'by_name/%0d%0aX', 'nobody<script>/1']) {
      expect(refusal(text)).toMatchObject({ message: expect.not.stringMatching(/script|X|\n/) })
    }
  })
})

describe('the form of a key', () => {
  it('has one canonical text', () => {
    for (const text of ['by_name/a%20b', 'by_name/a b', 'by%5Fname/%61%20b']) {
      expect(registry.parseKey(text).text).toBe('by_name/a%20b')
    }
    expect(registry.parseKey("by_name/!'()*~-._").text).toBe('by_name/%21%27%28%29%2A~-._')
    // An accent as a letter of its own is the same text.
    expect(registry.parseKey('by_name/e\u0301').text).toBe(registry.parseKey('by_name/%C3%A9').text)
  })

  it('tells no parameter from an empty one', () => {
    expect(registry.parseKey('by_name/')).toMatchObject({ text: 'by_name/', parameters: { name: '' } })
    expect(registry.parseKey('pair//').text).toBe('pair//')
    expect(registry.parseKey('all').text).toBe('all')
    expect(refusal('by_name')).toMatchObject({ code: 'BAD_KEY' })
    expect(refusal('all/')).toMatchObject({ code: 'BAD_KEY' })
    expect(refusal('pair/')).toMatchObject({ code: 'BAD_KEY', message: expect.stringContaining('pair/{a}/{b}') })
  })

  it('keeps dots as data, encoded, and refuses them bare', () => {
    expect(registry.keyOf(products.by_name, { name: '..' }).text).toBe('by_name/%2E%2E')
    expect(name('%2E%2E')).toBe('..')
    expect(name('...')).toBe('...')
    expect(refusal('by_name/..')).toMatchObject({ code: 'BAD_KEY' })
    expect(refusal('by_name/.')).toMatchObject({ code: 'BAD_KEY' })
  })

  it('refuses bad encoding and what is too long', () => {
    for (const text of ['by_name/%', 'by_name/%zz', 'by_name/%c0%af', 'by_name/%f4%90%80%80', '%']) {
      expect(refusal(text)).toMatchObject({ code: 'BAD_KEY' })
    }
    const half = 'é'.repeat(150)
    expect(registry.keyOf(products.pair, { a: half, b: half.slice(0, 120) }).text.length).toBeLessThanOrEqual(
      MAX_KEY_LENGTH,
    )
    expect(() => registry.keyOf(products.pair, { a: half, b: half })).toThrow(/longer than 1700/)
    expect(refusal(`all/${'a'.repeat(100_000)}`)).toMatchObject({ code: 'BAD_KEY' })
  })

  it('names what is missing or too much in parameters given by code', () => {
    const keyOf = (given: object) => () => registry.keyOf(products.pair, given as never)
    expect(keyOf({ a: 'x' })).toThrow(expect.objectContaining({ code: 'BAD_PARAMETER', details: { parameter: 'b' } }))
    expect(keyOf({ a: 'x', b: 'y', c: 'z' })).toThrow(expect.objectContaining({ details: { parameter: 'c' } }))
    expect(keyOf({ a: 'x', b: 1 })).toThrow('Parameter "b" must be a string')
    expect(keyOf(Object.create({ a: 'x', b: 'y' }))).toThrow('Parameter "a" is missing')
  })
})

const keyText = fc
  .string({ unit: 'binary', maxLength: 60 })
  .filter((text) => keyTextFault(text.normalize('NFC')) === null)
const types: readonly (readonly [string, ParameterType, fc.Arbitrary<unknown>])[] = [
  ['int', int(), fc.integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 })],
  ['float', float(), fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0)],
  ['boolean', boolean(), fc.boolean()],
  [
    'date',
    date(),
    fc
      .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((day) => day.toISOString().slice(0, 10)),
  ],
  ['uuid', uuid(), fc.uuid()],
  ['enum', oneOf('a', 'a/b', '', 'ü'), fc.constantFrom('a', 'a/b', '', 'ü')],
  ['string', string(), keyText],
  ['schema', schema(z.coerce.number().min(-5)), fc.integer({ min: -5 })],
]

describe('parameter types', () => {
  it.each(types)('%s: reading what was written gives the value, and no two values share a key', (_, type, values) => {
    const product = primer({ name: 'p', parameters: { v: type, w: type }, compute })
    const { keyOf, parseKey } = createRegistry({ primers: [product] })
    const seen = new Map<string, string>()
    fc.assert(
      fc.property(values, values, (v, w) => {
        const key = keyOf(product, { v, w })
        const canonical = JSON.stringify(key.parameters)
        const back = parseKey(key.text)
        const comesBack = back.text === key.text && JSON.stringify(back.parameters) === canonical
        // Plain conditions: 10,000 runs of `expect` take seconds.
        if (!comesBack || !/^p(\/[A-Za-z0-9_.~%-]*){2}$/.test(key.text))
          throw new Error(`${key.text} does not come back`)
        if ((seen.get(key.text) ?? canonical) !== canonical) throw new Error(`${key.text} has two values`)
        seen.set(key.text, canonical)
      }),
      { numRuns: 10_000 },
    )
    expect(new Set(seen.values()).size).toBe(seen.size)
  })

  const parse = (type: ParameterType, text: string) => {
    try {
      return type.parse(text)
    } catch (error) {
      return (error as Error).message
    }
  }

  it.each([
    [int(), ['-0', '+1', '1e3', ' 1', '1 ', '', '0x10', '1_000', '٣', '1000000000000000', '-01']],
    [float(), ['-0', '1.0', '1e3', '.5', '5.', 'Infinity', 'NaN', '', ' 1', '1,5', '0x1']],
    [boolean(), ['TRUE', '1', '', 'yes']],
    [date(), ['2026-02-29', '2026-13-01', '0000-01-01', '2026-1-1', '2026-11-20T00:00:00Z', '2100-02-29', '']],
    [uuid(), ['', 'x', '{6b9b9b1e-0000-4000-8000-000000000000}', '6b9b9b1e00004000800000000000000000']],
    [oneOf('a'), ['A', '', 'constructor']],
  ])('$name refuses other spellings', (type, texts) => {
    for (const text of texts) expect(parse(type as ParameterType, text)).toMatch(/must be/)
  })

  it('hints at the canonical spelling', () => {
    expect(parse(int(), '-0')).toMatch(/written 0$/)
    expect(parse(int(), ' 7')).toMatch(/written 7$/)
    expect(parse(float(), '1e3')).toMatch(/written 1000$/)
    expect(parse(int(), '1e30')).not.toMatch(/written/)
    expect(parse(int(), '1.5')).not.toMatch(/written/)
  })

  it('takes leap days, and a UUID in any case', () => {
    expect(date().parse('2024-02-29')).toBe('2024-02-29')
    expect(date().parse('2000-02-29')).toBe('2000-02-29')
    expect(uuid().parse('6B9B9B1E-0000-4000-8000-00000000000A')).toBe('6b9b9b1e-0000-4000-8000-00000000000a')
  })

  it('checks values of code', () => {
    for (const value of [1.5, -0, NaN, Infinity, '1', null, 1e15, 1n])
      expect(() => int().check(value)).toThrow(KckError)
    for (const value of [-0, NaN, Infinity, '1', null]) expect(() => float().check(value)).toThrow(KckError)
    for (const value of [
      'a\u0000',
      'a\u009f',
      '\ufeffa',
      'a\u202e',
      '\u2066',
      '\ud800',
      5,
      'a'.repeat(1025),
      'é'.repeat(513),
    ]) {
      expect(() => string().check(value)).toThrow(KckError)
    }
    expect(string().check('e\u0301')).toBe('é')
    expect(string().check('é'.repeat(512))).toHaveLength(512)
  })

  it('refuses enums that cannot stand in a key', () => {
    expect(() => oneOf([])).toThrow(/at least one/)
    expect(() => oneOf('a', 'a')).toThrow(/twice/)
    expect(() => oneOf('e\u0301')).toThrow(/cannot stand in a key/)
  })

  it('carries claim and description', () => {
    expect(string({ claim: 'tenant', description: 'Whose.' })).toMatchObject({
      claim: 'tenant',
      jsonSchema: { type: 'string', description: 'Whose.' },
    })
    expect(oneOf(['a'], { claim: 'role' })).toMatchObject({ claim: 'role', typescript: '"a"' })
  })
})

describe('schema(...)', () => {
  it('normalises through the schema', () => {
    const type = schema(z.string().trim().toLowerCase())
    expect(type.parse(' ABC ')).toBe('abc')
    expect(type.check(' ABC ')).toBe('abc')
    expect(schema(z.coerce.number()).check(5)).toBe(5)
  })

  it('takes values that are no text with a format', () => {
    const type = schema(
      z.iso.date().transform((text) => new Date(text)),
      { format: (day) => day.toISOString().slice(0, 10) },
    )
    expect(type.parse('2026-11-20')).toEqual(new Date('2026-11-20'))
    expect(type.format(type.check(new Date('2026-11-20')))).toBe('2026-11-20')
    expect(() => type.check('no date')).toThrow(expect.objectContaining({ code: 'BAD_PARAMETER' }))
  })

  it('refuses what does not come back', () => {
    const counting = schema(z.string().transform((text) => `${text}!`))
    expect(() => counting.parse('a')).toThrow(/gives another text/)
    expect(() => schema(z.string().min(3)).parse('a')).toThrow(/is refused by its schema/)
    expect(() => schema(z.string().transform((text) => ({ text }))).parse('a')).toThrow(/needs `format`/)
    expect(() => schema(z.string().transform(() => 'a\u0000')).parse('a')).toThrow(/U\+0000/)
    expect(() => schema(z.string().refine(async () => true)).parse('a')).toThrow()
  })

  it('has a JSON Schema where its library gives one', () => {
    expect(schema(z.string().min(3)).jsonSchema).toMatchObject({ type: 'string', minLength: 3 })
    expect(schema(z.date()).jsonSchema).toEqual({})
  })
})
