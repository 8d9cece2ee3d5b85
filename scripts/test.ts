// `npm test`: lint, types, unused code, then every test. All of them run, whatever fails. With arguments only the tests
// run, and vitest gets the arguments: `npm test -- --project unit`.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { countResults, type VitestReport } from './results.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const print = (text: string) => process.stdout.write(text)

/** Runs a script of package.json; its output matters only when it fails. */
async function check(script: string): Promise<boolean> {
  const began = performance.now()
  let output = ''
  const code = await run(['--run', script], (chunk) => {
    output += chunk
  })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  print(
    code === 0
      ? `${script.padEnd(8)} ok      ${seconds} s\n`
      : `${output.trim()}\n${script.padEnd(8)} FAILED  ${seconds} s\n`,
  )
  return code === 0
}

async function runTests(args: readonly string[]): Promise<{ code: number; report: VitestReport | null }> {
  const folder = mkdtempSync(join(tmpdir(), 'kck-test-'))
  const file = join(folder, 'report.json')
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const code = await run([join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...args])
    return { code, report: readReport(file) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readReport(file: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport
  } catch {
    // vitest ended before it could write one.
    return null
  }
}

function run(args: readonly string[], onOutput?: (chunk: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', onOutput ? 'pipe' : 'inherit', onOutput ? 'pipe' : 'inherit'],
    })
    child.stdout?.on('data', (chunk) => onOutput?.(String(chunk)))
    child.stderr?.on('data', (chunk) => onOutput?.(String(chunk)))
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

const args = process.argv.slice(2)
const checks: boolean[] = []
if (args.length === 0) for (const script of ['lint', 'types', 'unused']) checks.push(await check(script))
const { code, report } = await runTests(args)
const { passed, failed } = countResults(report, code, checks)
print(`${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
