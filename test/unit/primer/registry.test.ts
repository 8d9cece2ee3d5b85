import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { float, int, primer, string, updater } from '../../../src/index.ts'
import { createRegistry, sourcesUsed } from '../../../src/primer/create-registry.ts'
import type { AnyPrimer } from '../../../src/primer/definition.ts'
import { primerFromYaml } from '../../../src/primer/yaml-primer.ts'
import type { Updater } from '../../../src/updater/definition.ts'

const compute = () => null
const product = (name: string, options: object = {}) => primer({ name, compute, ...options }) as AnyPrimer
const orders = primer({ name: 'orders', parameters: { customer_id: int() }, compute })
const status = updater({
  name: 'status',
  key: { order_id: int() },
  body: { status: string() },
  update: 'update orders set status = :status where order_id = :order_id returning customer_id',
})

function faults(primers: readonly AnyPrimer[], updaters: readonly Updater[] = []): string {
  try {
    createRegistry({ primers, updaters })
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

describe('createRegistry', () => {
  it.each([
    [[product('a'), product('a')], [], 'primer "a" is defined twice: in code and code'],
    [[product('a')], [status, updater({ name: 'status', run: () => 1 })], 'updater "status" is defined twice'],
    [[product('a', { afterPrimes: ['b'] })], [], 'primer "a": afterPrimes "b" names no product'],
    [[product('oders', { afterPrimes: ['orders/:x'] })], [], 'did you mean "oders"?'],
    [[orders, product('a', { afterPrimes: ['orders'] })], [], 'must have 1 parameters, as orders/:customer_id has'],
    [
      [orders, product('a', { parameters: { x: int() }, afterPrimes: ['orders/:customer_id'] })],
      [],
      'afterPrimes "orders/:customer_id" does not say which :x',
    ],
    [[product('a', { afterUpdates: ['statu/:x'] })], [status], 'names no updater (did you mean "status"?)'],
    [[product('a', { afterUpdates: ['status/:x'] })], [status], 'names :x, which is no parameter of it'],
    [
      [product('a', { parameters: { x: int() }, afterUpdates: ['status/:x'] })],
      [status],
      'needs "x", which is not in the key or body of updater "status" and not returned by its SQL: add "returning x"',
    ],
    [[], [updater({ name: 'u', run: () => 1, changes: ['orders/:x'] })], 'changes "orders/:x" names no product'],
    [[orders], [updater({ name: 'u', run: () => 1, changes: ['orders/:x/:y'] })], 'must have 1 parameters'],
    [[orders], [updater({ name: 'u', run: () => 1, changes: ['orders/x'] })], '"customer_id" must be a whole number'],
    [
      [orders],
      [updater({ name: 'u', body: { a: int() }, insert: 'insert into t values (:a)', changes: ['orders/:b'] })],
      'needs "b"',
    ],
    [[product('a', { parameters: { x: int() }, over: 'b' })], [], 'over "b" is no product key'],
    [
      [orders, product('a', { parameters: { x: int() }, over: 'orders/y' })],
      [],
      'over "orders/y" is no product key: Parameter',
    ],
  ] as const)('refuses %#', (primers, updaters, why) => {
    expect(faults(primers, updaters)).toContain(why)
  })

  it('prints circles of afterPrimes (config-14)', () => {
    const template = (after: string) => ({ afterPrimes: [after] })
    expect(faults([product('a', template('b')), product('b', template('a'))])).toBe(
      'afterPrimes run in a circle: a -> b -> a',
    )
    expect(
      faults([
        product('x', template('a')),
        product('a', template('b')),
        product('b', template('c')),
        product('c', template('a')),
      ]),
    ).toBe('afterPrimes run in a circle: a -> b -> c -> a')
    expect(faults([product('a', template('a'))])).toContain('a -> a')
    // A diamond is none.
    expect(
      faults([
        product('a', { afterPrimes: ['b', 'c'] }),
        product('b', template('d')),
        product('c', template('d')),
        product('d'),
      ]),
    ).toBe('accepted')
  })

  it('refuses the same name in two files (config-18)', () => {
    const yaml = 'name: x\ndatabase: src\nquery: { template: SELECT 1 }'
    expect(faults([primerFromYaml(yaml, 'a.yml'), primerFromYaml(yaml, 'b.yml')])).toBe(
      'primer "x" is defined twice: in a.yml and b.yml',
    )
  })

  it('reports everything at once', () => {
    expect(
      faults([product('a', { afterPrimes: ['b'] }), product('c', { afterUpdates: ['d'] })]).split('\n'),
    ).toHaveLength(2)
  })

  it('knows the sources in use', () => {
    const sql = (name: string, source?: string) => primer({ name, sql: 'select 1', ...(source ? { source } : {}) })
    const registry = createRegistry({ primers: [sql('a', 'shop'), sql('b'), product('c')], updaters: [status] })
    expect([...sourcesUsed(registry)].map(([source, users]) => [source, users.map(({ name }) => name)])).toEqual([
      ['shop', ['a']],
      [null, ['b', 'status']],
    ])
  })
})

describe('updater keys', () => {
  const registry = createRegistry({ primers: [], updaters: [status] })

  it('are typed like product keys', () => {
    expect(registry.parseUpdaterKey('status/5')).toEqual({
      updater: status,
      parameters: { order_id: 5 },
      segments: ['5'],
    })
    expect(registry.parseUpdaterKey('status')).toEqual({ updater: status, parameters: null, segments: null })
  })

  it.each([
    ['nobody', 'UNKNOWN_UPDATER'],
    ['__proto__', 'UNKNOWN_UPDATER'],
    ['status/x', 'BAD_PARAMETER'],
    ['status/', 'BAD_PARAMETER'],
    ['status/1/2', 'BAD_KEY'],
    ['status/%ff', 'BAD_KEY'],
  ])('%s: %s', (text, code) => {
    expect(() => registry.parseUpdaterKey(text)).toThrow(expect.objectContaining({ code }))
  })
})

describe('changedBy', () => {
  const changed = (
    registry: ReturnType<typeof createRegistry>,
    given: Updater,
    values: object,
    segments: string[] | null = null,
  ) => registry.changedBy(given, values as never, segments).map(({ text }) => text)

  it('fills templates from the row, the key and the body, each key once', () => {
    const after = primer({ name: 'after', parameters: { customer_id: int() }, afterUpdates: ['status'], compute })
    const mover = updater({
      name: 'status',
      key: { order_id: int() },
      update: 'update t set x = 1 where id = :order_id returning *',
      changes: ['orders/:customer_id', 'orders/:previous', 'orders', 'total/all'],
    })
    const total = primer({ name: 'total', parameters: { of: string() }, compute })
    const registry = createRegistry({ primers: [orders, after, total], updaters: [mover] })
    expect(changed(registry, mover, { order_id: 1, customer_id: 7, previous: '8' }, ['1'])).toEqual([
      'orders/7',
      'orders/8',
      'total/all',
      'after/7',
    ])
    // The key is the order's: its segment is never taken for the customer.
    expect(() => changed(registry, mover, { order_id: 1, previous: 8 }, ['1'])).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', details: { missing: 'customer_id' } }),
    )
  })

  it('reads a value of another type by its text', () => {
    const named = primer({ name: 'named', parameters: { id: string(), rate: float() }, afterUpdates: ['u'], compute })
    const code = updater({ name: 'u', body: z.object({}), run: () => 1 })
    const registry = createRegistry({ primers: [named], updaters: [code] })
    expect(changed(registry, code, { id: 12, rate: '1.5' })).toEqual(['named/12/1.5'])
    // Values that can be in no key: there is no such product.
    expect(changed(registry, code, { id: 12, rate: 'x' })).toEqual([])
    expect(changed(registry, code, { id: 'a\nb', rate: 1 })).toEqual([])
    expect(changed(registry, code, { id: { a: 1 }, rate: 1 })).toEqual([])
    // Null is known: a row without one. What nobody knows is refused.
    expect(changed(registry, code, { id: null, rate: 1 })).toEqual([])
    expect(() => changed(registry, code, {})).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  })

  it('leaves out a template whose literal names other rows', () => {
    const open = primer({ name: 'open', afterUpdates: ['status/1'], compute })
    const registry = createRegistry({ primers: [open], updaters: [status] })
    expect(changed(registry, status, {}, ['1'])).toEqual(['open'])
    expect(changed(registry, status, {}, ['2'])).toEqual([])
  })
})

describe('primedBy', () => {
  const by = (name: string, afterPrimes: string[], parameters = {}) => product(name, { parameters, afterPrimes })
  const registry = createRegistry({
    primers: [
      orders,
      by('same', ['orders/:customer_id'], { customer_id: int() }),
      by('renamed', ['orders/:id'], { id: string() }),
      by('only_one', ['orders/1']),
      product('named', { parameters: { name: string() } }),
      by('numbered', ['named/:number'], { number: int() }),
    ],
  })

  it('gives the names of the template to the segments', () => {
    expect(registry.primedBy('orders/1').map(({ text }) => text)).toEqual(['same/1', 'renamed/1', 'only_one'])
    expect(registry.primedBy('orders/2').map(({ text }) => text)).toEqual(['same/2', 'renamed/2'])
    expect(registry.primedBy('named/5').map(({ text }) => text)).toEqual(['numbered/5'])
    expect(registry.primedBy('named/five')).toEqual([])
    expect(registry.primedBy('same/1')).toEqual([])
  })

  it('knows whose products have readers', () => {
    expect(registry.declaresReaders('orders')).toBe(true)
    expect(registry.declaresReaders('same')).toBe(false)
  })
})
