import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const bin = fileURLToPath(new URL('../../../bin/kck.js', import.meta.url))
const run = (...args: string[]) => promisify(execFile)(process.execPath, [bin, ...args])

it('runs, and gives its exit code on', async () => {
  expect((await run('--help')).stdout).toMatch(/^Usage: kck/)
  await expect(run('fetsh')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean fetch?') })
})

it('has only syntax that an old Node understands, up to the line where it stops', async () => {
  const text = await readFile(bin, 'utf8')
  expect(text).toMatch(/^#!\/usr\/bin\/env node\n/)
  expect(text).not.toMatch(/\bnode:sqlite|import\.meta\.(dirname|filename|main)|\bwith \{ type/)
})
