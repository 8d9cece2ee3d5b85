import { describe, expect, it } from 'vitest'
import { int, string } from '../../../src/index.ts'
import { definePrimer, primer } from '../../../src/primer/primer.ts'
import { parseStatement } from '../../../src/sql/parse.ts'

const base = { name: 'p', sql: 'select 1' }
const define = (options: object) => definePrimer({ ...base, ...options }, { file: null })
const refusal = (options: object) => {
  try {
    define(options)
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

describe('primer()', () => {
  it('has defaults', () => {
    expect(primer({ name: 'p', compute: () => 1 })).toMatchObject({
      kind: 'primer',
      name: 'p',
      description: null,
      parameters: {},
      source: null,
      statement: null,
      result: { as: 'dicts', jsonpathFirst: null },
      augment: null,
      softTtlMs: null,
      hardTtlMs: null,
      primeOnMiss: null,
      timeoutMs: null,
      access: null,
      afterUpdates: [],
      afterPrimes: [],
      tags: [],
      schedule: null,
      atBoot: false,
      idleAfterMs: null,
      debounceMs: null,
      maxDelayMs: null,
      replicate: false,
      hooks: {},
      file: null,
    })
  })

  it('takes every option', () => {
    const afterPrime = () => undefined
    const made = primer({
      name: 'customer_orders',
      description: 'Orders of one customer.',
      parameters: { customer_id: int() },
      source: 'shop',
      sql: 'select id from orders where customer_id = :customer_id',
      result: 'rows',
      jsonpathFirst: '$[0]',
      softTtl: '5m',
      hardTtl: { days: 1 },
      primeOnMiss: false,
      timeout: 1500,
      access: { scopes: ['orders'] },
      afterUpdates: ['order_status/:customer_id'],
      afterPrimes: ['customer/:customer_id'],
      tags: ['orders'],
      cron: '0 3 * * *',
      timeZone: 'Europe/Berlin',
      over: 'active_customers',
      atBoot: true,
      idleAfter: '2w',
      debounce: '2s',
      maxDelay: '10s',
      replicate: true,
      hooks: { afterPrime },
      compute: ({ rows }) => rows as number[][],
      augment: (current) => current,
    })
    expect(made).toMatchObject({
      statement: { names: ['customer_id'], types: { customer_id: 'int' } },
      result: { as: 'rows', jsonpathFirst: '$[0]' },
      softTtlMs: 300_000,
      hardTtlMs: 86_400_000,
      timeoutMs: 1500,
      access: { scopes: ['orders'] },
      schedule: { everyMs: null, cron: '0 3 * * *', timeZone: 'Europe/Berlin', over: 'active_customers' },
      idleAfterMs: 1_209_600_000,
      debounceMs: 2_000,
      maxDelayMs: 10_000,
      hooks: { afterPrime },
    })
  })

  it.each([
    [{ sql: undefined }, 'primer "p": needs sql, compute or both'],
    [{ name: undefined }, 'needs a name'],
    [{ name: 'a/b' }, 'a name has no "/"'],
    [{ name: '1a' }, 'a name begins with a letter'],
    [{ name: 'a'.repeat(129) }, 'at most 128'],
    [{ softTTL: '5m' }, 'unknown option "softTTL" (did you mean "softTtl"?)'],
    [{ softTtl: 0 }, 'softTtl must be more than 0'],
    [{ softTtl: -5 }, 'softTtl must be more than 0'],
    [{ softTtl: Number.POSITIVE_INFINITY }, 'softTtl must be at most 100 years'],
    [{ softTtl: Number.NaN }, 'softTtl must be more than 0'],
    [{ softTtl: '2m', hardTtl: '1m' }, 'hardTtl must be at least softTtl'],
    [{ result: 'objects' }, 'result must be dicts, rows, row, value'],
    [{ sql: undefined, compute: () => 1, result: 'row' }, 'there is none'],
    [{ jsonpathFirst: '$[' }, 'is no JSONPath (RFC 9535)'],
    [{ parameters: { 'a-b': int() } }, '"a-b" is no parameter name'],
    [{ parameters: Object.fromEntries([['__proto__', int()]]) }, '"__proto__" is no parameter name'],
    [{ parameters: { a: 'int' } }, 'parameters.a must be a type such as int()'],
    [{ sql: 'select :user', parameters: { id: int() } }, ':user is no parameter'],
    [{ sql: undefined, statement: parseStatement('select :user') }, 'its SQL uses :user'],
    [{ statement: parseStatement('select 1') }, 'has both sql and statement'],
    [{ sql: 'select 1; drop table t' }, 'one statement expected, found 2'],
    [{ sql: "select * from t where id = '{{id}}'" }, 'looks like a template'],
    [{ sql: 'delete from t returning *' }, 'must be a query'],
    [{ sql: 'drop table t' }, 'must be a query'],
    [{ every: '5m', cron: '* * * * *' }, 'has both every and cron'],
    [{ cron: '61 * * * *' }, 'cron "61 * * * *" cannot be read'],
    [{ timeZone: 'Europe/Berlin' }, 'timeZone belongs to cron'],
    [{ cron: '* * * * *', timeZone: 'Europe/Nowhere' }, 'is not known'],
    [{ every: '5m', parameters: { id: int() } }, 'but for which id?'],
    [{ atBoot: true, parameters: { id: int() } }, 'but for which id?'],
    [{ over: 'x' }, 'over lists parameters'],
    [{ access: 'publik' }, 'access must be'],
    [{ access: { scopes: [] } }, 'access must be'],
    [{ access: { scopes: ['a'], groups: ['b'] } }, 'access must be'],
    [{ access: 'public', parameters: { tenant: string({ claim: 'tenant' }) } }, 'must equal a claim'],
    [{ replicate: true, parameters: { tenant: string({ claim: 'tenant' }) } }, 'cannot be replicated'],
    [{ hooks: { afterprime: () => 1 } }, 'unknown option "afterprime" (did you mean "afterPrime"?)'],
    [{ hooks: { afterPrime: 1 } }, 'afterPrime must be a function'],
    [{ afterUpdates: 'x' }, 'afterUpdates must be a list'],
    [{ afterUpdates: ['a b/:c'] }, 'is no key template'],
    [{ afterPrimes: ['a/:b-c'] }, 'is no parameter name'],
    [{ atBoot: 'yes' }, 'atBoot must be true or false'],
    [{ compute: 'x' }, 'compute must be a function'],
    [{ description: '' }, 'description must be text'],
  ])('refuses %j', (options, why) => {
    expect(refusal(options)).toContain(why)
  })

  it('refuses what are no options at all', () => {
    for (const options of [null, undefined, 5, [], 'x']) {
      expect(() => definePrimer(options, { file: null })).toThrow(/options must be an object/)
    }
  })
})

describe('the revision', () => {
  const of = (options: object) => define({ parameters: { id: int() }, ...options }).revision

  it('changes with what decides the value', () => {
    const revisions = [
      of({}),
      of({ sql: 'select 2' }),
      of({ source: 'other' }),
      of({ result: 'row' }),
      of({ jsonpathFirst: '$[0]' }),
      of({ parameters: { id: string() } }),
      of({ parameters: { id: int(), more: int() } }),
      of({ parameters: { more: int(), id: int() } }),
      of({ compute: () => 1 }),
      of({ compute: () => 2 }),
      of({ augment: () => 2 }),
      of({ revision: '2' }),
    ]
    expect(new Set(revisions).size).toBe(revisions.length)
  })

  it('does not change with the rest', () => {
    for (const options of [
      { sql: '-- note\nselect   1;' },
      { softTtl: '5m' },
      { description: 'x' },
      { tags: ['x'] },
      { access: 'public' },
      { parameters: { id: int({ description: 'x' }) } },
    ]) {
      expect(of(options)).toBe(of({}))
    }
  })
})
