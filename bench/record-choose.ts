import { writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { zstdCompressSync } from 'node:zlib'
import { readUpdates } from '../examples/debian/replay.ts'
import { concurrently } from '../src/async/concurrently.ts'
import { resolveConfig } from '../src/config/resolve.ts'
import { type KckEvent, subscribe } from '../src/events.ts'
import type { Kck } from '../src/kck/kck.ts'
import { createRuntime } from '../src/local/runtime.ts'
import { startWorking } from '../src/local/working.ts'
import { DebianModel, debianDatabase } from '../test/support/debian.ts'
import { startOwnPostgres } from '../test/support/postgres.ts'
import { Random } from './support/choose/random.ts'

/**
 * `node bench/record-choose.ts FILE`: two minutes of the example, as `choose` plays them. Real security updates, one every
 * four seconds, each of which touches every footprint and blast radius that is cached; readers who ask for the packages
 * that most others need.
 */
const SECONDS = 120
const UPDATE_EVERY_MS = 4_000
const READS_PER_S = 50
const PACKAGES = 400
const MAINTAINERS = 60
const KEPT: ReadonlySet<string> = new Set<KckEvent['type']>(['hit', 'stale', 'miss', 'dirty', 'prime'])

const [file = 'choose.jsonl.zst'] = process.argv.slice(2)
const server = await startOwnPostgres({})
const database = await debianDatabase(server.connectionString)
const settings = {
  store: { kind: 'memory' },
  nearCache: { maxBytes: 0 },
  sources: { debian: { kind: 'postgres', connectionString: database.connectionString } },
  limits: { deadline: '60s' },
}
const runtime = await createRuntime(resolveConfig(settings, { folder: process.cwd(), environment: {} }))
try {
  const { kck } = runtime
  const random = new Random(1)
  const keys = keysByNeed(await DebianModel.read(), random)
  await concurrently(keys, 4, (key) => kck.fetch(key))
  const working = await startWorking(runtime)
  const lines: string[] = []
  const stop = subscribe((event) => {
    if (KEPT.has(event.type)) lines.push(lineOf(event))
  })
  await Promise.all([update(kck), read(kck, keys, random)])
  stop()
  await working.stop()
  writeFileSync(file, zstdCompressSync(Buffer.from(lines.join('\n'))))
} finally {
  await runtime.close()
  await database.drop()
  await server.stop()
}

/** What most others need first. */
function keysByNeed(model: DebianModel, random: Random): readonly string[] {
  const names = [...model.packages.keys()].sort(
    (one, other) => (model.dependents.get(other)?.length ?? 0) - (model.dependents.get(one)?.length ?? 0),
  )
  const footprints = names.slice(0, PACKAGES).map((name) => `install_footprint/${encodeURIComponent(name)}`)
  const maintainers = new Set(names.map((name) => model.packages.get(name)?.maintainer_id))
  const radii = [...maintainers].slice(0, MAINTAINERS).map((id) => `blast_radius/${id}`)
  const all = [...footprints, ...radii]
  return Array.from(random.permutation(all.length), (index) => all[index] as string)
}

async function update(kck: Kck): Promise<void> {
  const updates = await readUpdates()
  for (const { name, ...body } of updates.slice(0, (SECONDS * 1_000) / UPDATE_EVERY_MS)) {
    await kck.update(`package_version/${encodeURIComponent(name)}`, body)
    await sleep(UPDATE_EVERY_MS)
  }
}

async function read(kck: Kck, keys: readonly string[], random: Random): Promise<void> {
  const draw = random.zipf(random.permutation(keys.length), 0.9)
  const until = performance.now() + SECONDS * 1_000
  while (performance.now() < until) {
    await kck.fetch(keys[draw()] as string)
    await sleep(1_000 * random.exponential(READS_PER_S))
  }
}

function lineOf(event: KckEvent): string {
  const { type, key, costMs } = event as { readonly type: string; readonly key: string; readonly costMs?: number }
  return JSON.stringify({ at: Date.now(), type, key, ...(type === 'prime' ? { costMs } : {}) })
}
