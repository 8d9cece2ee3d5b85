import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { main } from '../../../src/cli/main.ts'

const kck = new URL('../../../src/index.ts', import.meta.url).pathname

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-doctor-'))
  await mkdir(join(folder, 'primers'))
})
afterEach(() => rm(folder, { recursive: true }))

const config = (text: string) => writeFile(join(folder, 'kck.config.mjs'), `export default ${text}`)
const primer = (compute: string) =>
  writeFile(
    join(folder, 'primers/one.ts'),
    `import { primer } from '${kck}'\nexport const one = primer({ name: 'one', parameters: {}, compute: ${compute} })`,
  )

async function doctor() {
  const out: string[] = []
  const io = {
    out: (text: string) => out.push(text),
    err: () => undefined,
    stdin: async () => '',
    folder,
    environment: {},
  }
  const code = await main(['doctor'], io)
  return { code, out: out.join('\n') }
}

const unreachable = `{ sources: { shop: { kind: 'postgres', connectionString: 'postgres://nobody@127.0.0.1:1/none' } } }`

it('finds what does not answer, and says what to do', async () => {
  await config(unreachable)
  await primer('() => 1')
  const { code, out } = await doctor()
  expect(code).toBe(1)
  expect(out).toMatch(/^ok {2}store/m)
  expect(out).toMatch(
    /^XX {2}source shop +does not answer \(SOURCE_UNAVAILABLE\)\n +-> Is it running\? Settings: sources\.shop\.$/m,
  )
})

it('names the setting that is refused', async () => {
  await config(`{ nearCache: { maxBytes: 'much' } }`)
  const { code, out } = await doctor()
  expect(code).toBe(1)
  expect(out).toMatch(/^XX {2}settings.*\n.*nearCache\.maxBytes/m)
})

it('names the file that is wrong', async () => {
  await config('{}')
  await primer(')')
  const { code, out } = await doctor()
  expect(code).toBe(1)
  expect(out).toMatch(/^XX {2}definitions .*primers\/one\.ts/m)
})

it('tells of products that fail', async () => {
  await config(unreachable)
  await primer(`() => { throw new Error('broken') }`)
  const io = { out: () => undefined, err: () => undefined, stdin: async () => '', folder, environment: {} }
  await main(['fetch', 'one'], io)
  expect((await doctor()).out).toMatch(
    /^! {3}failing +1 products fail, 0 of them are parked\n +-> kck queue says why\.$/m,
  )
})
