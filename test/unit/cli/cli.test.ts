import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { main } from '../../../src/cli/main.ts'

const kck = new URL('../../../src/index.ts', import.meta.url).pathname

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-cli-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A project with one product that needs no database; `count` says how often it was computed. */
async function project(config = '{}') {
  await mkdir(join(folder, 'primers'))
  await writeFile(join(folder, 'kck.config.mjs'), `export default ${config}`)
  await writeFile(
    join(folder, 'primers/greeting.ts'),
    `import { primer, string } from '${kck}'
    export const greeting = primer({
      name: 'greeting',
      parameters: { name: string() },
      compute: (_, { name }) => {
        if (name === 'nobody') throw new Error('nobody is there')
        return { text: 'Hello ' + name }
      },
    })`,
  )
}

async function run(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await main(args, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    stdin: async () => '',
    folder,
    environment: {},
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

describe('what is not understood ends with 2 and says what there is', () => {
  it.each([
    ['a command', ['fetsh'], "error: unknown command 'fetsh'\n(Did you mean fetch?)"],
    ['an option', ['fetch', 'a', '--jsom'], "error: unknown option '--jsom'\n(Did you mean --json?)"],
    ['a missing argument', ['fetch'], "error: missing required argument 'keys'"],
    ['one argument too many', ['schema', 'x'], "error: too many arguments for 'schema'"],
    ['a missing option', ['token'], "error: required option '--sub <name>' not specified"],
    ['a duration', ['fetch', 'a', '--max-age', 'x'], "error: option '--max-age <duration>' argument 'x' is invalid"],
  ])('%s', async (_, args, message) => {
    const { code, out, err } = await run(...args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(message)
  })

  it('help is no mistake', async () => {
    const { code, out, err } = await run('fetch', '--help')
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('Usage: kck fetch [options] <keys...>')
  })
})

describe('products', () => {
  it('are fetched, from the store the second time', async () => {
    await project()
    const first = await run('fetch', 'greeting/Ada')
    expect(first).toMatchObject({ code: 0, out: '{\n  "text": "Hello Ada"\n}' })
    expect(first.err).toMatch(/^greeting\/Ada: fresh, from compute, \d+ ms old, version \d+$/)
    const second = await run('fetch', '--json', 'greeting/Ada')
    expect(JSON.parse(second.out).results).toEqual([
      expect.objectContaining({ key: 'greeting/Ada', value: { text: 'Hello Ada' }, state: 'fresh', from: 'store' }),
    ])
  })

  it('fail one by one', async () => {
    await project()
    const text = await run('fetch', 'greeting/nobody', 'greting/Ada', 'greeting/Bea')
    expect(text.code).toBe(1)
    expect(text.out).toContain('Hello Bea')
    expect(text.err).toContain(
      'greeting/nobody: The primer greeting failed (COMPUTE_FAILED)\n  because: nobody is there',
    )
    expect(text.err).toContain('greting/Ada: There is no product of that name (UNKNOWN_PRODUCT)')
    const json = await run('fetch', '--json', 'greeting/nobody', 'greeting/Bea')
    expect(json.code).toBe(1)
    expect(JSON.parse(json.out).results.map(({ key, error }: { key: string; error?: object }) => [key, error])).toEqual(
      [
        ['greeting/nobody', expect.objectContaining({ code: 'COMPUTE_FAILED', message: 'The primer greeting failed' })],
        ['greeting/Bea', undefined],
      ],
    )
  })

  it('are refreshed, invalidated and purged', async () => {
    await project()
    await run('fetch', 'greeting/Ada')
    const json = async (...args: string[]) => JSON.parse((await run(...args, '--json', 'greeting/Ada')).out).results[0]
    expect(await json('invalidate')).toEqual({ key: 'greeting/Ada', invalidated: true })
    expect(await json('fetch')).toMatchObject({ state: 'stale' })
    expect(await json('refresh')).toMatchObject({ key: 'greeting/Ada', state: 'fresh' })
    expect(await json('purge')).toEqual({ key: 'greeting/Ada', purged: true })
    expect(await json('purge')).toEqual({ key: 'greeting/Ada', purged: false })
    expect((await run('fetch', '--only-if-cached', 'greeting/Ada')).err).toContain('(ONLY_IF_CACHED)')
  })
})

describe('check', () => {
  it('says what there is', async () => {
    await project()
    const { code, out } = await run('check')
    expect(code).toBe(0)
    expect(out).toMatch(
      /^store {4}lmdb\nsources {2}main \(pglite\)\nauth {5}nobody can sign in\nprimers \(1\)\n {2}greeting\/:name {2}public/,
    )
    expect(JSON.parse((await run('check', '--json')).out).primers).toEqual([
      expect.objectContaining({ key: 'greeting/:name', access: 'public' }),
    ])
  })

  it('refuses settings, as text and as JSON', async () => {
    await project('{ stor: 1 }')
    const problem = { setting: 'stor', message: "is not a setting; did you mean 'store'?" }
    expect(await run('check')).toEqual({
      code: 1,
      out: '',
      err: `The settings are refused:\n  stor ${problem.message} (INVALID_CONFIG)`,
    })
    const { error } = JSON.parse((await run('check', '--json')).err)
    expect([error.code, error.details.problems]).toEqual(['INVALID_CONFIG', [problem]])
  })

  it('refuses primers that the settings do not fit', async () => {
    await project("{ sources: { shop: { kind: 'pglite' }, crm: { kind: 'pglite' } } }")
    await writeFile(join(folder, 'primers/a.sql'), '-- kck: source: shopp\nselect 1')
    await writeFile(join(folder, 'primers/b.sql'), 'select 2')
    await writeFile(
      join(folder, 'primers/c.ts'),
      `import { primer, string } from '${kck}'
      export const c = primer({ name: 'c', parameters: { me: string({ claim: 'sub' }) }, compute: () => 1 })
      export const d = primer({ name: 'd', parameters: {}, access: { groups: ['staff'] }, compute: () => 1 })`,
    )
    const { code, err } = await run('check')
    expect(code).toBe(1)
    expect(err).toMatch(
      /primer a \(.*a\.sql\) names the source 'shopp' \(did you mean "shop"\?\); there is shop, crm\n/,
    )
    expect(err).toMatch(/primer b \(.*b\.sql\) must name its source, since there are several: shop, crm\n/)
    expect(err).toMatch(/primer c \(.*c\.ts\) binds me to a claim, but nobody can sign in; set auth\n/)
    expect(err).toMatch(/primer d \(.*c\.ts\) asks for a token, but nobody can sign in; set auth/)
  })
})

describe('tools', () => {
  it('schema makes the store, also twice', async () => {
    await project()
    expect(await run('schema')).toMatchObject({ code: 0, out: 'The lmdb store is ready.' })
    expect(JSON.parse((await run('schema', '--json')).out)).toEqual({ store: 'lmdb', ready: true })
  })

  it('openapi describes the API', async () => {
    await project()
    const { paths } = JSON.parse((await run('openapi')).out)
    expect(Object.keys(paths)).toContain('/fetch/greeting/{name}')
    expect(await run('openapi', '--out', 'api.json')).toMatchObject({ code: 0, out: '' })
    expect(JSON.parse(await readFile(join(folder, 'api.json'), 'utf8')).openapi).toBe('3.1.1')
  })

  it('update says what is wrong with its body', async () => {
    await project()
    expect((await run('update', 'x', '{')).err).toContain('(INVALID_BODY)')
    expect((await run('update', 'x', '{}')).err).toContain('(UNKNOWN_UPDATER)')
  })

  it.each([
    ['without the local issuer', '{}', ['--sub', 'ada'], "for auth: { issuer: 'local' } only"],
    [
      'valid for too long',
      "{ auth: { issuer: 'local' } }",
      ['--sub', 'ada', '--expires', '2d'],
      'see auth.maxLifetime',
    ],
    [
      'with a claim without value',
      "{ auth: { issuer: 'local' } }",
      ['--sub', 'a', '--claim', 'x'],
      'write --claim name=value',
    ],
    [
      'with a claim of the issuer',
      "{ auth: { issuer: 'local' } }",
      ['--sub', 'a', '--claim', 'exp=9'],
      'is set by the issuer itself',
    ],
  ])('token makes none %s', async (_, config, args, message) => {
    await project(config)
    const { code, out, err } = await run('token', ...args)
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(message)
  })

  it('token makes one with the claims it is given', async () => {
    await project("{ auth: { issuer: 'local' } }")
    const claims = ['--claim', 'customer_id=7', '--claim', 'tenant=north', '--claim', 'code="7"', '--group', 'staff']
    const { out } = await run('token', '--sub', 'ada', '--scope', 'a', '--scope', 'b', ...claims, '--expires', '10m')
    const payload = JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString())
    expect(payload).toMatchObject({
      sub: 'ada',
      scope: 'a b',
      customer_id: 7,
      tenant: 'north',
      code: '7',
      groups: ['staff'],
    })
    expect(payload.exp - payload.iat).toBe(600)
  })
})
