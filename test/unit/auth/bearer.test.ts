import { describe, expect, it } from 'vitest'
import { bearerToken } from '../../../src/auth/bearer.ts'

const valid = 'eyJh.eyJz.c2ln'
const refusal = expect.objectContaining({ code: 'UNAUTHENTICATED', message: 'A valid bearer token is required' })

describe('the Authorization header', () => {
  it('is exactly "Bearer <token>", its scheme in any case', () => {
    expect(bearerToken(`Bearer ${valid}`)).toBe(valid)
    expect(bearerToken(`bearer ${valid}`)).toBe(valid)
    expect(bearerToken([`Bearer ${valid}`])).toBe(valid)
  })

  it('may be missing', () => {
    expect(bearerToken(undefined)).toBeNull()
    expect(bearerToken([])).toBeNull()
  })

  it.each([
    ['an empty one', ''],
    ['auth-header-02 no token', 'Bearer'],
    ['no token after the space', 'Bearer '],
    ['auth-header-05 another scheme', 'Basic dXNlcjpwYXNz'],
    ['auth-header-06 something behind it', `Bearer ${valid} extra`],
    ['auth-header-07 two spaces', `Bearer  ${valid}`],
    ['a tab', `Bearer\t${valid}`],
    ['auth-header-08 two, joined by API Gateway', `Bearer ${valid}, Bearer ${valid}`],
    ['auth-header-09 no scheme', valid],
    ['auth-header-11 a bidi control', `Bearer \u202e${valid}`],
    ['a line break', `Bearer ${valid}\n`],
    ['more than 8 KiB', `Bearer ${valid}${'A'.repeat(8192)}`],
  ])('is refused: %s', (_, value) => {
    expect(() => bearerToken(value)).toThrow(refusal)
  })

  it('auth-header-12: is refused when there are two, whatever they are', () => {
    expect(() => bearerToken([`Bearer ${valid}`, `Bearer ${valid}`])).toThrow(refusal)
  })
})
