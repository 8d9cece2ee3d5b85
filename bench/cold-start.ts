import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Bundle, bundleFunctions } from '../infra/bundle.ts'
import { loadProject } from '../infra/project.ts'
import { startCassandra } from '../test/support/cassandra/start.ts'
import { startCloudTarget } from '../test/support/cloud/cloud-target.ts'
import { shop } from '../test/support/cloud/local-target.ts'
import { createFunction, type LambdaFunction } from '../test/support/lambda/function.ts'
import type { Benchmark } from './support/benchmark.ts'
import { median } from './support/statistics.ts'
import type { Cell, Table } from './support/table.ts'

const FUNCTIONS = ['fetch', 'update', 'change', 'refresh-worker', 'process-worker'] as const
type Name = (typeof FUNCTIONS)[number]

const root = fileURLToPath(new URL('..', import.meta.url))
const KB = 1024
interface Sample {
  readonly name: string
  readonly initMs: number
  readonly answerMs: number
}
/** Starts of each function for one round. */
const STARTS = 5

/** From the start of a function's process to its first answer, beside a handler that does nothing. */
export const benchmark: Benchmark = async ({ rounds, cleanup, say }) => {
  const folder = mkdtempSync(join(tmpdir(), 'kck-bundle-'))
  cleanup.add(() => rmSync(folder, { recursive: true, force: true }))
  const bundle = await bundleFunctions(await loadProject(shop), folder)
  say('Starting Cassandra and the cloud ...')
  const cassandra = await startCassandra()
  cleanup.add(() => cassandra.stop())
  const target = await startCloudTarget(cassandra)
  cleanup.add(() => target.stop())
  const token = await target.token()
  const http = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${target.url}${path}`, init)
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`)
  }
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const events: Readonly<Record<Name, (lambda: LambdaFunction) => Promise<unknown>>> = {
    fetch: () => http('/fetch/orders/1'),
    update: () => http('/update/order/9', { method: 'PUT', headers, body: '{"amount":1}' }),
    change: (lambda) => lambda.invoke({ Records: [] }),
    'refresh-worker': (lambda) => lambda.invoke({ Records: [] }),
    'process-worker': (lambda) => lambda.invoke({}),
  }
  // So that a first answer is a hit.
  await http('/fetch/orders/1')

  const samples: Sample[] = []
  const measure = async (name: string, lambda: LambdaFunction, ask: () => Promise<unknown>) => {
    say(`Starting ${name} ...`)
    for (let start = 0; start < rounds * STARTS; start++) {
      await lambda.kill()
      const began = performance.now()
      await ask()
      const answerMs = performance.now() - began
      samples.push({ name, answerMs, initMs: lambda.environments()[0]?.initMs ?? Number.NaN })
    }
  }
  const ours = [...target.cloud.functions.values()]
  const nothing = createFunction({
    name: 'nothing',
    handler: 'tricks.handler',
    folder: join(root, 'test/support/lambda'),
    environment: {},
    timeoutMs: 10_000,
    memoryMb: 1024,
    runtimeClient: ours[0]?.settings.runtimeClient ?? '',
  })
  cleanup.add(() => nothing.kill())
  await measure('nothing', nothing, () => nothing.invoke({}))
  for (const name of FUNCTIONS) {
    const lambda = target.cloud.functions.get(`kck-${name}`)
    if (lambda) await measure(name, lambda, () => events[name](lambda))
  }

  return { tables: [tableOf(bundle, samples)], notes: notesOf(bundle), samples }
}

function tableOf(bundle: Bundle, samples: readonly Sample[]): Table {
  const of = (name: string, what: 'initMs' | 'answerMs') =>
    median(samples.filter((sample) => sample.name === name).map((sample) => sample[what]))
  const row = (name: string, sizes: readonly Cell[]): Cell[] => [
    name,
    ...sizes,
    of(name, 'initMs'),
    of(name, 'answerMs'),
  ]
  return {
    title: 'Cold starts: KB of code and milliseconds',
    columns: ['function', 'loaded at once', 'with what is loaded later', 'until initialised', 'until the first answer'],
    rows: [row('nothing', [0, 0]), ...FUNCTIONS.map((name) => row(name, sizesOf(bundle, name)))],
  }
}

function notesOf(bundle: Bundle): string[] {
  return [
    'from the start of a Node process under the runtime client of AWS Lambda; Lambda adds what it takes to have a machine',
    'fetch answers with a product of the store, update writes through the Data API; the others find nothing to do',
    `packages in what fetch loads at once: ${packagesOf(bundle, 'fetch').join(', ')}`,
  ]
}

/** KB of a function's file and of all that it imports, at once and in the end. */
function sizesOf(bundle: Bundle, name: Name): readonly Cell[] {
  return [closure(bundle, name, false), closure(bundle, name, true)].map((files) =>
    files.reduce((sum, file) => sum + (bundle.metafile.outputs[file]?.bytes ?? 0) / KB, 0),
  )
}

function closure({ folder, metafile }: Bundle, name: Name, lazily: boolean): readonly string[] {
  const seen = new Set([relative(root, join(folder, `${name}.mjs`))])
  for (const file of seen) {
    for (const { path, kind } of metafile.outputs[file]?.imports ?? []) {
      if (path in metafile.outputs && (lazily || kind === 'import-statement')) seen.add(path)
    }
  }
  return [...seen]
}

function packagesOf(bundle: Bundle, name: Name): readonly string[] {
  const inputs = closure(bundle, name, false).flatMap((file) =>
    Object.keys(bundle.metafile.outputs[file]?.inputs ?? {}),
  )
  const names = inputs.map((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1])
  return [...new Set(names.filter((found) => found !== undefined))].sort()
}
