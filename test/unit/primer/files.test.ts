import { describe, expect, it } from 'vitest'
import { readSqlFile } from '../../../src/primer/header.ts'
import { primerFromSql } from '../../../src/primer/sql-file.ts'
import { primerFromYaml } from '../../../src/primer/yaml-primer.ts'

const refusal = (read: () => unknown) => {
  try {
    read()
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

describe('.sql primers', () => {
  it('reads header, description and SQL', () => {
    const made = primerFromSql(
      `-- Orders of one customer,
-- the newest first.
-- kck: parameters: { customer_id: int, status: [open, closed], tenant: { type: string, claim: tenant } }
-- kck: softTtl: 5m, hardTtl: 1d, source: shop, result: rows
-- kck: afterUpdates: [order_status/:customer_id], every: 1h, over: active_customers
-- kck: { access: { scopes: [orders] } }
select id from orders -- not the description
where customer_id = :customer_id and status = :status and tenant = :tenant`,
      'primers/shop/customer_orders.sql',
    )
    expect(made).toMatchObject({
      name: 'customer_orders',
      description: 'Orders of one customer, the newest first.',
      file: 'primers/shop/customer_orders.sql',
      source: 'shop',
      result: { as: 'rows' },
      softTtlMs: 300_000,
      hardTtlMs: 86_400_000,
      afterUpdates: ['order_status/:customer_id'],
      schedule: { everyMs: 3_600_000, over: 'active_customers' },
      access: { scopes: ['orders'] },
      parameters: {
        customer_id: { name: 'int' },
        status: { name: 'enum', typescript: '"open" | "closed"' },
        tenant: { name: 'string', claim: 'tenant' },
      },
      statement: { names: ['customer_id', 'status', 'tenant'], types: { customer_id: 'int', status: 'text' } },
    })
    expect(Object.keys(made.parameters)).toEqual(['customer_id', 'status', 'tenant'])
  })

  it('can be replicated', () => {
    const sql = 'select 1 where 1 = :a'
    const header = (parameter: string) => `-- kck: replicate: true, parameters: { a: ${parameter} }\n${sql}`
    expect(primerFromSql(header('int'), 'one.sql').replicate).toBe(true)
    expect(refusal(() => primerFromSql(header('{ type: int, claim: sub }'), 'one.sql'))).toContain(
      'cannot be replicated: its parameter "a" is bound to a claim',
    )
    const yaml = 'name: one\ndatabase: main\nreplicate: true\nquery:\n  template: select 1\n'
    expect(primerFromYaml(yaml, 'one.yml').replicate).toBe(true)
  })

  it('needs no header', () => {
    expect(primerFromSql('select 1', 'one.sql')).toMatchObject({ name: 'one', description: null })
    expect(primerFromSql('\ufeff-- Text.\r\n-- kck: softTtl: 1s\r\nselect 1\r\n', 'one.sql')).toMatchObject({
      description: 'Text.',
      softTtlMs: 1000,
    })
  })

  const header = (line: string) => refusal(() => primerFromSql(`-- x\n-- kck: ${line}\nselect 1`, 'a.sql'))
  it.each([
    ['softTtl: 5m, softTtll: 6m', 'a.sql: unknown option "softTtll" (did you mean "softTtl"?)'],
    ['softTtl', 'a.sql:2: "softTtl" has no value'],
    ['softTtl:', 'a.sql:2: "softTtl" has no value'],
    ['parameters: { a: int', 'a.sql:2: the header is no YAML: Flow map must end with a }'],
    ['softTtl: 5m, softTtl: 6m', 'a.sql:2: the header is no YAML: Map keys must be unique'],
    ['parameters: { a: integer }', 'a.sql: "a" has the unknown type "integer"'],
    ['parameters: { a: { type: int, clam: x } }', 'unknown option "clam" (did you mean "claim"?)'],
    ['parameters: [a]', 'parameters must name types'],
    ['name: other', 'unknown option "name"'],
    ['compute: x', 'unknown option "compute"'],
    ['softTtl: 0', 'softTtl must be more than 0'],
    ['softTtl: .inf', 'softTtl must be at most'],
    ['insert', '"insert" has no value'],
  ])('refuses the header %s', (line, why) => {
    expect(header(line)).toContain(why)
  })

  it('says where in the file the SQL is wrong', () => {
    expect(refusal(() => primerFromSql('-- kck: softTtl: 5m\n\nselect 1\nform t', 'a.sql'))).toBe(
      'a.sql:4:6: syntax error at or near "t"\n  form t\n       ^',
    )
    expect(refusal(() => primerFromSql('-- kck: softTtl: 5m\n-- kck: softTtl: 5m\nselect 1', 'a.sql'))).toBe(
      'a.sql:2: "softTtl" is given twice',
    )
    expect(refusal(() => primerFromSql('-- only comments', 'a.sql'))).toContain('a.sql:1: there is no statement')
    expect(refusal(() => primerFromSql('', 'a.sql'))).toContain('sql must be text, and not empty')
  })

  it('reads sections where they are asked for', () => {
    const { sections } = readSqlFile('-- kck: a: 1\n-- kck: insert\ninsert 1\n-- kck: update\nupdate 2', 'a.sql', [
      'insert',
      'update',
    ])
    expect([...sections]).toEqual([
      ['insert', { text: 'insert 1', line: 3 }],
      ['update', { text: 'update 2', line: 5 }],
    ])
    expect(refusal(() => readSqlFile('-- kck: insert\n1\n-- kck: insert\n2', 'a.sql', ['insert']))).toBe(
      'a.sql:3: has a second section "insert"',
    )
  })
})

describe('.yml primers of the original', () => {
  const yaml = (more: string, template = 'SELECT * FROM orders WHERE customer_id = :customer_id') => `
name: customer_orders
database: src
parameters:
  - name: customer_id
    type: int
query:
  template: >
    ${template}
${more}`

  it('reads one unchanged', () => {
    const text = `
name: customer_orders_dep
database: src
expire_seconds: 90000
parameters:
  - name: customer_id
    type: int
    primary_key: true
  - name: note
query:
  type: dicts
  template: >
    SELECT o.order_id, o.ordered_at\\:\\:text AS ordered_at
    FROM orders o WHERE o.customer_id = :customer_id AND note = :note
  process_result:
    jsonpath_first: "[0].order-id"
refresh:
  domain_key: active_customers
  after_primes:
    - customers/:customer_id/:note
  after_updates:
    - order_status/:customer_id
augment_functions: []
`
    expect(primerFromYaml(text, 'k/x.yml')).toMatchObject({
      name: 'customer_orders_dep',
      source: 'src',
      parameters: { customer_id: { name: 'int' }, note: { name: 'string' } },
      statement: {
        positional:
          'SELECT o.order_id, o.ordered_at::text AS ordered_at FROM orders o WHERE o.customer_id = $1 AND note = $2',
      },
      result: { as: 'dicts', jsonpathFirst: "$[0]['order-id']" },
      // 90,000 seconds are 25 hours: the original made one of them.
      softTtlMs: 90_000_000,
      hardTtlMs: null,
      afterPrimes: ['customers/:customer_id/:note'],
      afterUpdates: ['order_status/:customer_id'],
      schedule: { everyMs: null, cron: null, over: 'active_customers' },
      file: 'k/x.yml',
    })
  })

  it('gives rows as lists unless asked for dicts, and takes its name from the file', () => {
    const made = primerFromYaml('database: src\nquery:\n  template: SELECT 1', 'k/sub/one.yml')
    expect(made).toMatchObject({ name: 'one', result: { as: 'rows' }, softTtlMs: null, parameters: {} })
  })

  it.each([
    ['config-02', 'expire_seconds: 90000', 'accepted'],
    ['config-03', 'expire_seconds: 0', 'must be a number of seconds above 0'],
    ['config-04', 'expire_seconds: -5', 'must be a number of seconds above 0'],
    ['config-05', 'expire_seconds: .inf', 'must be a number of seconds above 0'],
    // YAML reads 1e3 as the number 1000.
    ['config-06', 'expire_seconds: 1e3', 'accepted'],
    ['config-11', 'key: a/b', 'unknown option "key"'],
    ['unknown', 'expire_second: 5', 'unknown option "expire_second" (did you mean "expire_seconds"?)'],
    ['nan', 'expire_seconds: .nan', 'must be a number'],
    ['text', 'expire_seconds: "90"', 'must be a number'],
    ['tab', '\tx: 1', 'k.yml:10: '],
    ['twice', 'database: other', 'k.yml:10: Map keys must be unique'],
  ])('%s: %s', (_, line, expected) => {
    expect(refusal(() => primerFromYaml(yaml(line), 'k.yml'))).toContain(expected)
  })

  it.each([
    ['config-15', "select * from t where id = '{{id}}'", 'looks like a template'],
    ['config-16', 'select 1; drop table t', 'one statement expected, found 2'],
    ['config-17', 'select * from t where id = :user', ':user is no parameter'],
  ])('%s: %s', (_, template, expected) => {
    expect(refusal(() => primerFromYaml(yaml('', template), 'k.yml'))).toContain(expected)
  })

  it.each([
    ['name: a/b\ndatabase: src\nquery: { template: SELECT 1 }', 'a name has no "/"'],
    ['query: { template: SELECT 1 }', 'needs a database'],
    ['database: src', 'needs a template'],
    ['database: src\nquery: { template: { update: x } }', 'updaters folder'],
    ['database: src\nparameters: [{ type: int }]\nquery: { template: SELECT 1 }', 'each needs a name'],
    [
      'database: src\nparameters: [{ name: a, type: decimal }]\nquery: { template: SELECT 1 }',
      'unknown type "decimal"',
    ],
    ['database: src\nparameters: [{ name: a }, { name: a }]\nquery: { template: SELECT 1 }', '"a" stands twice'],
    ['- 1', 'must be a mapping'],
    ['', 'must be a mapping'],
  ])('refuses %j', (text, why) => {
    expect(refusal(() => primerFromYaml(text, 'k.yml'))).toContain(why)
  })
})
