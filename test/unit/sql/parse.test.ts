import { describe, expect, it } from 'vitest'
import { canonicalSql, parseStatement, statementOf } from '../../../src/sql/parse.ts'

const positional = (text: string) => parseStatement(text).positional
const refusal = (text: string, options = {}) => {
  try {
    parseStatement(text, options)
  } catch (error) {
    return (error as Error).message
  }
  return 'accepted'
}

describe('parseStatement', () => {
  it('numbers names in order of first use, and repeats the number', () => {
    const statement = parseStatement('select * from t where a = :a and b = :b or a > :a', {
      types: { a: 'int', x: 'text' },
    })
    expect(statement).toEqual({
      text: 'select * from t where a = :a and b = :b or a > :a',
      positional: 'select * from t where a = $1 and b = $2 or a > $1',
      names: ['a', 'b'],
      types: { a: 'int' },
    })
  })

  it.each([
    ["select ':x', E'\\':x', U&':x', $$ :x $$, $tag$ :x $tag$, \":x\", :y", '$1'],
    ['select :y::int, x::text from t', '$1::int'],
    ['select x::int[] from t where y=:y', 'y=$1'],
    ['select a[1:n], a[:y], a[1 : :y], a[: :y], a[i:], a[:] from t', 'a[1:n], a[$1], a[1 : $1], a[: $1], a[i:], a[:]'],
    ['select a[b[1:2]:n] from t where y = :y', 'a[b[1:2]:n]'],
    ['select array[:y, :z], array[[:y], [:z]]', 'array[$1, $2], array[[$1], [$2]]'],
    ['select (array[1,2])[1:n], a[f(:y):n] from t', 'a[f($1):n]'],
    ['select f(a := :y, b => :z)', 'f(a := $1, b => $2)'],
    ['select é, :y from "tablé"', 'select é, $1 from'],
    ['select :order, :user, :y from t', '$1, $2, $3'],
    ["select '😀', :y, '😀😀', :z", "'😀', $1, '😀😀', $2"],
    ['select data->>\'a:b\', data @> \'{"a":{"b":1}}\' from t where y=:y', '{"a":{"b":1}}'],
    ['select 5 % 2, a %s from t', 'a %s'],
    ["select format('%s', x), y like '%s' from t", "format('%s', x)"],
    ["select '{{1,2},{3,4}}'::int[]", '{{1,2},{3,4}}'],
  ])('%s', (text, part) => {
    expect(positional(text)).toContain(part)
  })

  it('drops comments and the last semicolon, keeps hints and lines', () => {
    const statement = parseStatement('-- kck: :x\nselect /* :y */ /*+ SeqScan(t) */ 1 -- :z\n;\n-- end')
    expect(statement.positional).toBe('select   /*+ SeqScan(t) */ 1')
    expect(statement.text).toBe(statement.positional)
  })

  it.each([
    ['select 1; drop table t', 'one statement expected, found 2'],
    ['select 1; select 2;', 'found 2'],
    ['', 'no statement'],
    ['-- nothing\n', 'no statement|found 0'],
    ["select * from t where id = '{{id}}'", 'looks like a template'],
    ['select * from t where id = {{ id }}', 'looks like a template'],
    ['select * from {{table}}', 'looks like a template'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is what is refused.
    ['select * from t where id = ${id}', 'looks like a template'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is what is refused.
    ["select * from t where id = '${id}'", 'looks like a template'],
    ['select * from t where id = %s', '%s looks like a template'],
    ['select * from t where id in (%s)', '%s looks like a template'],
    ['select * from t where id = %(id)s', '%\\(id\\)s looks like a template'],
    ["select * from t where id = '%s'", '%s looks like a template'],
    ['select $1', 'write :name'],
    ['select : a', 'a name must follow'],
    ["select :'a'", 'a name must follow'],
    ['select :"a"', 'a name must follow'],
    ['select a:b', 'put a space'],
    ['select 1:b', 'put a space'],
    ["select 'open", 'unterminated quoted string'],
    ['select /* open', 'unterminated'],
    ['select \u0001', 'control character'],
  ])('refuses %j', (text, why) => {
    expect(refusal(text)).toMatch(new RegExp(why))
  })

  it('shows the author where: file, line, column, caret', () => {
    const text = "-- kck: x\nselect '😀é', :a\n\tfrom t wher x = :b"
    expect(refusal(text, { file: 'primers/x.sql' })).toBe(
      'primers/x.sql:3:14: syntax error at or near "x"\n  \tfrom t wher x = :b\n  \t            ^',
    )
    expect(refusal(text.replace('wher', 'where'), { known: ['bb', 'a'] })).toBe(
      'SQL:3:19: :b is no parameter (did you mean "bb"?)\n  \tfrom t where x = :b\n  \t                 ^',
    )
  })

  it('has an equal canonical form for what cannot change the result', () => {
    const canonical = (text: string) => canonicalSql(parseStatement(text))
    expect(canonical('select  a -- note\n from t;')).toBe(canonical('select a from t'))
    expect(canonical('select 1')).not.toBe(canonical('select 2'))
    expect(canonical("select 'a  b'")).not.toBe(canonical("select 'a b'"))
  })

  it('remembers statements of code', () => {
    expect(statementOf('select :a')).toBe(statementOf('select :a'))
  })
})
