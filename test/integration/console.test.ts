import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import AxeBuilder from '@axe-core/playwright'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { buildConsole } from '../../infra/console.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createRuntime, type Runtime } from '../../src/local/runtime.ts'
import { startServer } from '../../src/local/server.ts'
import { startWorking, type Working } from '../../src/local/working.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const kck = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-headless-shell'].find(existsSync)

let folder: string
let runtime: Runtime
let working: Working
let server: { readonly url: string; close(): Promise<void> }
let browser: Browser
let page: Page
/** What the browser complained of. */
let complaints: string[] = []
let price = 1

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-console-'))
  await mkdir(join(folder, 'primers'))
  await writeFile(join(folder, 'kck.config.mjs'), "export default { access: { admin: 'public' } }")
  Object.assign(globalThis, { priceOf: () => price })
  await writeFile(
    join(folder, 'primers/shop.ts'),
    `import { primer, string } from '${kck}'
    export const item = primer({ name: 'item', description: 'One item.', parameters: { id: string() }, every: '1h', over: 'none',
      compute: (_, { id }) => { if (id === 'broken') throw new Error('no such item'); return { price: globalThis.priceOf() } } })
    export const order = primer({ name: 'order', parameters: { id: string() },
      compute: async ({ get }, { id }) => ({ total: (await get(item, { id })).price }) })
    export const none = primer({ name: 'none', parameters: {}, compute: () => [] })`,
  )
  await buildConsole(join(folder, 'console'))
  runtime = await createRuntime(await loadConfig(folder, {}), { consoleFolder: join(folder, 'console') })
  server = await startServer({ ...runtime, port: 0 })
  working = await startWorking(runtime)
  for (const key of ['order/1', 'order/2', 'item/broken']) await fetch(`${server.url}/fetch/${key}`)
  browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] })
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
  await working?.stop()
  await runtime?.close()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  await page?.context().close()
  complaints = []
  page = await (await browser.newContext({ viewport: { width: 1300, height: 900 } })).newPage()
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
})

async function open(hash: string, title: string) {
  await page.goto(`${server.url}/console#${hash}`)
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
}

it('is small, loads nothing from elsewhere, and runs nothing inline', async () => {
  const files = ['app.js', 'style.css', 'index.html'].map((name) => readFileSync(join(folder, 'console', name)))
  expect(gzipSync(Buffer.concat(files)).length).toBeLessThan(150_000)
  const urls: string[] = []
  page.on('request', (request) => urls.push(request.url()))
  await open('/', 'Products')
  await page.getByRole('link', { name: 'order', exact: true }).waitFor()
  expect(urls.filter((url) => !(url.startsWith(server.url) || url.startsWith('data:')))).toEqual([])
  const response = await fetch(`${server.url}/console`)
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
  expect(complaints).toEqual([])
})

it('lists products with how they are, and finds them', async () => {
  await open('/', 'Products')
  const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'order', exact: true }) })
  await row.getByText('2 fresh').waitFor()
  await page.getByRole('row').filter({ hasText: 'One item.' }).getByText('2 fresh').waitFor()
  await page.getByPlaceholder('Find products').fill('ord')
  await page.getByRole('link', { name: 'item', exact: true }).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'order', exact: true }).click()
  await page.getByRole('main').getByRole('link', { name: 'order/1' }).click()
  await page.getByRole('heading', { level: 1, name: 'order/1' }).waitFor()
  expect(complaints).toEqual([])
})

it('shows a key, why it is stale, and makes it fresh', async () => {
  await open('/key/order/1', 'order/1')
  await page.getByText('order/1 is fresh').waitFor()
  await page.getByRole('button', { name: 'Show the value' }).click()
  await page.getByText('"total"').waitFor()
  price += 1
  await page.getByRole('button', { name: 'Invalidate' }).click()
  await page.getByRole('cell', { name: 'dirty' }).first().waitFor()
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.getByText('order/1 is fresh').waitFor()
  await page.getByRole('link', { name: 'product/item/1' }).click()
  await page.getByRole('heading', { level: 1, name: 'item/1' }).waitFor()
  await page.getByRole('link', { name: 'order/1' }).first().waitFor()
})

it('shows a change on its way through the graph', async () => {
  await open('/graph', 'Graph')
  await page.locator('.node.product').first().waitFor()
  // The first look at what happened is the past.
  await page.waitForResponse((response) => response.url().endsWith('/operate/activity'))
  await page.waitForResponse((response) => response.url().endsWith('/operate/activity'))
  const lit = page.locator('.node.product.stale, .node.product.fresh').filter({ hasText: 'order' })
  await fetch(`${server.url}/fetch/item/1`, { method: 'DELETE' })
  await lit.waitFor()
  await page.getByRole('complementary').getByText('stale: invalidate').first().waitFor()
})

it('lists what fails, tries it again and gives up on it', async () => {
  await open('/queue', 'Queue')
  await page.getByRole('cell', { name: /COMPUTE_FAILED/ }).waitFor()
  await page.getByRole('button', { name: 'Retry item/broken' }).click()
  await page.getByRole('alert').getByText('failed').first().waitFor()
  await page.getByRole('button', { name: 'Discard item/broken' }).click()
  await page.getByText('parked').waitFor()
})

it('shows schedules, runs and cached writes', async () => {
  await open('/processes', 'Processes')
  await page.getByRole('cell', { name: 'every 60 min' }).waitFor()
  await open('/writes', 'Cached writes')
  await page.getByText('No write was refused.').waitFor()
  expect(complaints).toEqual([])
})

it('can be used with the keyboard alone', async () => {
  await open('/', 'Products')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  expect(await page.locator(':focus').getAttribute('id')).toBe('main')
  await page.getByRole('link', { name: 'Queue' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Queue' }).waitFor()
  await page.locator('#title:focus').waitFor()
})

it.each(['light', 'dark'] as const)(
  'has nothing that a screen reader or a weak eye stumbles over (%s)',
  async (colorScheme) => {
    await page.emulateMedia({ colorScheme })
    for (const [hash, title] of [
      ['/', 'Products'],
      ['/key/order/1', 'order/1'],
      ['/graph', 'Graph'],
      ['/queue', 'Queue'],
    ] as const) {
      await open(hash, title)
      const { violations } = await new AxeBuilder({ page }).analyze()
      expect(violations.map(({ id, nodes }) => `${title}: ${id} ${nodes[0]?.html}`)).toEqual([])
    }
  },
)

it('asks for a token where one is needed, and keeps it in the tab', async () => {
  await page.route('**/operate/**', (route) =>
    route.request().headers()['authorization'] === 'Bearer good'
      ? route.continue()
      : route.fulfill({ status: 401, json: { code: 'UNAUTHENTICATED', detail: 'no' } }),
  )
  await open('/', 'A token is needed')
  await page.getByRole('textbox', { name: /^Token/ }).fill('good')
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.getByRole('link', { name: 'order', exact: true }).waitFor()
  await page.reload()
  await page.getByRole('link', { name: 'order', exact: true }).waitFor()
})
