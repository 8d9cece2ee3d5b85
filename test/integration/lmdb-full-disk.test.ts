import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const FILLER = join(import.meta.dirname, 'lmdb-full-disk-filler.ts')

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kck-full-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

for (const megabytes of [16, 24, 32]) {
  test(`a full disk of ${megabytes} MB refuses writes and keeps everything else working`, {
    timeout: 120_000,
  }, (context) => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    if (!mount(disk, megabytes)) return context.skip('mounting a small disk needs root')
    try {
      const report = run(process.execPath, [FILLER, join(disk, 'store')])
      process.stdout.write(`lmdb full disk of ${megabytes} MB: ${JSON.stringify(report)}\n`)
      expect(report).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: 20, writtenAgain: 10 })
      expect(report.readable).toBe(report.written)
      expect(report.written).toBeGreaterThan(20)
    } finally {
      execFileSync('umount', [disk])
    }
  })
}

test('a file that may not grow refuses writes and keeps what it has', { timeout: 120_000 }, () => {
  // The limit of the shell's file sizes reaches LMDB itself: the disk has room, and still the commit fails.
  const report = run('bash', ['-c', `ulimit -f 16384; exec "$0" "$@"`, process.execPath, FILLER, join(folder, 'store')])
  process.stdout.write(`lmdb file limit of 16 MB: ${JSON.stringify(report)}\n`)
  expect(report).toMatchObject({ code: 'STORE_UNAVAILABLE', refused: 20, writtenAgain: 10 })
  expect(report.readable).toBe(report.written)
})

interface Report {
  readonly written: number
  readonly refused: number
  readonly code: string
  readonly readable: number
  readonly writtenAgain: number
}

function run(command: string, parameters: string[]): Report {
  const { status, signal, stdout, stderr } = spawnSync(command, parameters, { encoding: 'utf8' })
  expect({ status, signal }, stderr).toEqual({ status: 0, signal: null })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report
}

function mount(at: string, megabytes: number): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', at]).status === 0
}
