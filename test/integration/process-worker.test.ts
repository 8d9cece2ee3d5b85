import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'

let path: string
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'kck-process-'))
})
afterEach(() => rmSync(path, { recursive: true, force: true }))

test('two processes do each due time once; what a killed one had begun the other does again', async () => {
  const stuck = start('stuck')
  await stuck.seen(/began/)
  const [due = ''] = stuck.all('began')
  const others = [start(), start()]
  await stuck.kill()
  const ended = () => others.flatMap((other) => other.all('ended'))
  while (ended().length < 3) await Promise.race(others.map((other) => other.more()))
  await Promise.all(others.map((other) => other.stop()))

  const began = others.flatMap((other) => other.all('began'))
  expect(began).toContain(due)
  expect(new Set(began).size).toBe(began.length)
  expect(ended().sort()).toEqual(began.sort())
})

test('a change that a killed process left behind is carried through', async () => {
  const first = start()
  await first.seen(/ready/)
  const store = openLmdbStore({ path, clock: systemClock })
  const at = systemClock.now() - 60_000
  const payload = JSON.stringify({ id: 'left', cause: 'a change', at, nodes: ['tag/source'], keys: [] })
  await store.workIndex.put([{ kind: 'intent', id: 'left', at, payload }])
  const isMarked = async () => (await store.entries.get('tagged', { consistency: 'latest' })).marks.length > 0
  while (!(await isMarked())) await first.more()
  const { items } = await store.workIndex.list('intent', at, { limit: 10 })
  await first.stop()
  await store.close()
  expect(items).toEqual([])
})

function start(...parameters: string[]) {
  const script = join(import.meta.dirname, 'process-runner.ts')
  const child = spawn(process.execPath, [script, path, ...parameters], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'close')
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const more = async () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It ended too early: ${text}`)
    await Promise.race([once(child.stdout, 'data'), exited])
  }
  return {
    more,
    seen: async (what: RegExp) => {
      while (!what.test(text)) await more()
    },
    /** The due times of which it said so. */
    all: (word: string) => [...text.matchAll(new RegExp(`${word} (\\d+)\n`, 'g'))].map(([, due]) => due ?? ''),
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    stop: async () => {
      child.stdin.end()
      const [code] = await exited
      expect(code).toBe(0)
    },
  }
}
