import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadProcesses } from '../../../src/process/load-processes.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kck-processes-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const DEFINE = new URL('../../../src/process/define-process.ts', import.meta.url).href

function write(file: string, name: string): void {
  const text = `import { defineProcess } from '${DEFINE}'
export const made = defineProcess({ name: '${name}', every: '5m', run() {} })
export const helper = 1
`
  writeFileSync(join(folder, file), text)
}

test('finds every process in a folder and the folders in it', async () => {
  mkdirSync(join(folder, 'finance'))
  write('b.ts', 'second')
  write('finance/a.ts', 'first')
  write('_helper.ts', 'left_out')
  write('b.test.ts', 'left_out_too')
  const processes = await loadProcesses(folder)
  expect(processes.map(({ name }) => name)).toEqual(['second', 'first'])
  expect(processes[0]?.file).toMatch(/b\.ts$/)
})

test('takes a missing folder for no processes', async () => {
  expect(await loadProcesses(join(folder, 'none'))).toEqual([])
})

test('says all that is wrong at once', async () => {
  write('a.ts', 'same')
  write('b.ts', 'same')
  writeFileSync(join(folder, 'c.ts'), 'export const nothing = 1\n')
  writeFileSync(join(folder, 'd.ts'), 'throw new Error("broken")\n')
  const error = await loadProcesses(folder).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'INVALID_DEFINITION' })
  const lines = (error as Error).message.split('\n')
  expect(lines).toEqual([
    expect.stringMatching(/b\.ts: process "same" is in .*a\.ts already/),
    expect.stringMatching(/c\.ts: exports no process/),
    expect.stringMatching(/d\.ts: broken/),
  ])
})
