import { describe, expect, it } from 'vitest'
import { authorize, nobody } from '../../../src/auth/authorize.ts'
import type { ParameterType } from '../../../src/key/parameter.ts'
import type { Access, Claims } from '../../../src/primer/definition.ts'

const none = { parameters: {}, types: {} }
const user: Claims = { sub: 'u', scope: 'orders/read orders/write', 'cognito:groups': ['staff'] }

function decide(access: Access, claims: Claims | null, subject = none): string {
  try {
    authorize(access, claims, subject)
    return 'allowed'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a rule', () => {
  it.each<[string, Access, Claims | null, string]>([
    ['public, nobody signed in', 'public', null, 'allowed'],
    ['public, signed in', 'public', user, 'allowed'],
    ['authenticated, nobody signed in', 'authenticated', null, 'UNAUTHENTICATED'],
    ['authenticated, signed in', 'authenticated', user, 'allowed'],
    ['one of the scopes', { scopes: ['admin', 'orders/read'] }, user, 'allowed'],
    ['none of the scopes', { scopes: ['orders'] }, user, 'FORBIDDEN'],
    ['scopes, nobody signed in', { scopes: ['orders/read'] }, null, 'UNAUTHENTICATED'],
    ['scopes as a list', { scopes: ['a'] }, { scp: ['a', 'b'] }, 'allowed'],
    ['scopes of an odd kind', { scopes: ['a'] }, { scope: { a: true } }, 'FORBIDDEN'],
    ['one of the groups', { groups: ['staff'] }, user, 'allowed'],
    ['groups of another issuer', { groups: ['staff'] }, { groups: ['staff'] }, 'allowed'],
    ['none of the groups', { groups: ['root'] }, user, 'FORBIDDEN'],
    ['a list that is empty lets nobody in', { groups: [] }, user, 'FORBIDDEN'],
    ['a function, true', () => true, null, 'allowed'],
    ['a function, false', () => false, user, 'FORBIDDEN'],
    ['a function, false, nobody signed in', () => false, null, 'UNAUTHENTICATED'],
    ['a function that throws', () => JSON.parse('{'), user, 'FORBIDDEN'],
    ['a function that promises', (async () => true) as unknown as Access, user, 'FORBIDDEN'],
    ['a function that is merely truthy', (() => 'yes') as unknown as Access, user, 'FORBIDDEN'],
    ['nobody', nobody, null, 'FORBIDDEN'],
  ])('%s', (_, access, claims, expected) => {
    expect(decide(access, claims)).toBe(expected)
  })

  it('gets claims and parameters', () => {
    const own: Access = (claims, { owner }) => claims?.['sub'] === owner
    expect(decide(own, user, { parameters: { owner: 'u' }, types: {} })).toBe('allowed')
    expect(decide(own, user, { parameters: { owner: 'v' }, types: {} })).toBe('FORBIDDEN')
  })
})

describe('a parameter bound to a claim', () => {
  const customer: ParameterType<number> = {
    name: 'int',
    parse: Number,
    format: String,
    check: (value) => {
      if (typeof value !== 'number') throw new TypeError('not a number')
      return value
    },
    jsonSchema: {},
    sqlType: 'int',
    claim: 'customer_id',
    typescript: 'number',
  }
  const subject = { parameters: { id: 7 }, types: { id: customer } }

  it.each<[string, Claims | null, string]>([
    ['the same number', { customer_id: 7 }, 'allowed'],
    ['its text', { customer_id: '7' }, 'allowed'],
    ['another number', { customer_id: 8 }, 'FORBIDDEN'],
    ['a text that only looks alike', { customer_id: '07' }, 'FORBIDDEN'],
    ['no such claim', { sub: '7' }, 'FORBIDDEN'],
    ['a list with it', { customer_id: [7] }, 'FORBIDDEN'],
    ['null', { customer_id: null }, 'FORBIDDEN'],
    ['true', { customer_id: true }, 'FORBIDDEN'],
    ['nobody signed in', null, 'UNAUTHENTICATED'],
  ])('must equal it, also where the product is public: %s', (_, claims, expected) => {
    expect(decide('public', claims, subject)).toBe(expected)
  })
})
