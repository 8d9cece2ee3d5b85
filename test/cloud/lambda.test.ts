import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, test as base, expect } from 'vitest'
import type { FunctionSettings } from '../support/lambda/environment.ts'
import { createFunction, type LambdaFunction } from '../support/lambda/function.ts'
import { MAX_RESULT_BYTES, type Outcome } from '../support/lambda/runtime-api.ts'
import { runtimeClientOrNull } from '../support/lambda/runtime-client.ts'

// What runs the functions in the other tests of this folder: were it kinder than Lambda, they would prove nothing.

const client = await runtimeClientOrNull()
const runtimeClient = client ?? ''
const test = base.skipIf(client === null)

let tricks: LambdaFunction
afterEach(async () => {
  if (client !== null) await tricks.kill()
})

async function start(settings: Partial<FunctionSettings> = {}, concurrency = 1): Promise<void> {
  const folder = fileURLToPath(new URL('../support/lambda/', import.meta.url))
  const common = {
    name: 'tricks',
    handler: 'tricks.handler',
    folder,
    environment: {},
    timeoutMs: 10_000,
    memoryMb: 128,
  }
  tricks = createFunction({ ...common, runtimeClient, ...settings }, { concurrency })
}

// biome-ignore lint/suspicious/noExplicitAny: what the function answers
async function ask(event: object): Promise<any> {
  const outcome = await tricks.invoke(event)
  if ('error' in outcome) throw new Error(JSON.stringify(outcome.error))
  return outcome.result
}

const errorOf = (outcome: Outcome) => ('error' in outcome ? outcome.error : null)

test('one process answers event after event, and stands still between them', async () => {
  await start()
  const first = await ask({ n: 1, text: 'é€😀' })
  expect(first.event).toEqual({ n: 1, text: 'é€😀' })
  expect(first.left).toBeGreaterThan(9_000)
  expect(first.left).toBeLessThanOrEqual(10_000)
  const state = () => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${first.pid}/status`, 'utf8'))?.[1]
  await expect.poll(state).toBe('T')
  const second = await ask({ n: 2 })
  expect(second.pid).toBe(first.pid)
})

test('time can pass in a frozen function: its clocks jump and its deadline moves along', async () => {
  await start()
  const before = await ask({})
  await tricks.environments()[0]?.pass(600_000)
  const after = await ask({})
  expect(after.now - before.now).toBeGreaterThanOrEqual(600_000)
  expect(Date.parse(after.date) - Date.parse(before.date)).toBeGreaterThanOrEqual(600_000)
  expect(after.idle - before.idle).toBeGreaterThanOrEqual(600_000)
  expect(after.left).toBeGreaterThan(9_000)
  expect(after.left).toBeLessThanOrEqual(10_000)
})

test('what it throws is its answer, and it goes on', async () => {
  await start()
  const { pid } = await ask({})
  const error = { errorType: 'RangeError', errorMessage: 'Thrown by the function' }
  expect(errorOf(await tricks.invoke({ trick: 'throw' }))).toEqual(error)
  expect((await ask({})).pid).toBe(pid)
})

test('a function that exits, or is killed, is started again by the next event', async () => {
  await start()
  const { pid } = await ask({})
  expect(errorOf(await tricks.invoke({ trick: 'exit' }))?.errorType).toBe('Runtime.ExitError')
  const { pid: second } = await ask({})
  expect(second).not.toBe(pid)
  await tricks.kill()
  expect((await ask({})).pid).not.toBe(second)
})

test('a function that takes too long is killed', async () => {
  await start({ timeoutMs: 500 })
  const outcome = await tricks.invoke({ trick: 'hang' })
  expect(errorOf(outcome)?.errorMessage).toBe('Task timed out after 0.50 seconds')
  expect(tricks.environments()).toEqual([])
})

test('an answer of more than 6 MB is refused', async () => {
  await start()
  const fits = MAX_RESULT_BYTES - 2
  expect(await ask({ trick: 'large', bytes: fits })).toHaveLength(fits)
  expect(errorOf(await tricks.invoke({ trick: 'large', bytes: fits + 1 }))?.errorType).toBe(
    'Function.ResponseSizeTooLarge',
  )
})

test('a function that cannot start says why', async () => {
  await start({ environment: { TRICK: 'does not start' } })
  expect(errorOf(await tricks.invoke({}))).toEqual({ errorType: 'TypeError', errorMessage: 'There is no start' })
})

test('events at the same time get processes of their own, up to the limit', async () => {
  await start({}, 2)
  const pids = await Promise.all(Array.from({ length: 4 }, () => ask({ trick: 'together' })))
  expect(new Set(pids).size).toBe(2)
})

test('an event that nobody waits for is tried three times', async () => {
  await start()
  await tricks.invokeLater({ trick: 'throw' })
  expect(tricks.output().match(/Invoke Error/g)).toHaveLength(3)
})
