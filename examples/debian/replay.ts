// Replays the security updates that Debian 12 really got through the HTTP API, while somebody else reads:
//
//   node examples/debian/replay.ts [--url http://127.0.0.1:8001] [--limit 1755] [--per-second 100]
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readRows } from './load.ts'

export interface PackageUpdate {
  readonly name: string
  readonly version: string
  readonly installed_kib: number
  readonly size_bytes: number
}

/** The 1,755 updates, by name. */
export async function readUpdates(): Promise<PackageUpdate[]> {
  const updates: PackageUpdate[] = []
  for await (const [name = '', version = '', installed, size] of readRows('updates.csv.zst')) {
    updates.push({ name, version, installed_kib: Number(installed), size_bytes: Number(size) })
  }
  return updates
}

export interface ReplayOptions {
  readonly url: string
  /** How many at most start in a second. */
  readonly perSecond: number
  readonly onProgress?: (done: number) => void
}

export interface ReplaySummary {
  readonly updates: number
  /** Products that were marked stale, counted once per update. */
  readonly changed: number
  readonly failed: readonly { readonly name: string; readonly error: string }[]
  readonly seconds: number
}

const CONCURRENCY = 8
const ATTEMPTS = 5

/** Puts each update; a busy server (429, 503) is asked again when it says. */
export async function replay(updates: readonly PackageUpdate[], options: ReplayOptions): Promise<ReplaySummary> {
  const began = performance.now()
  const failed: { name: string; error: string }[] = []
  let next = 0
  let done = 0
  let changed = 0
  const work = async () => {
    for (let index = next++; index < updates.length; index = next++) {
      await sleep(Math.max(0, began + (index * 1000) / options.perSecond - performance.now()))
      const update = updates[index] as PackageUpdate
      try {
        const count = await put(options.url, update)
        changed += count
      } catch (error) {
        failed.push({ name: update.name, error: (error as Error).message })
      }
      done += 1
      options.onProgress?.(done)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return { updates: done, changed, failed, seconds: (performance.now() - began) / 1000 }
}

/** The number of products that the update changed. */
async function put(url: string, { name, ...body }: PackageUpdate): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(new URL(`/update/package_version/${encodeURIComponent(name)}`, url), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (response.ok) return ((await response.json()) as { changedCount: number }).changedCount
    if ((response.status !== 429 && response.status !== 503) || attempt === ATTEMPTS) {
      throw new Error(`${response.status} ${await response.text()}`)
    }
    await sleep(1000 * Number(response.headers.get('retry-after') ?? 1))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8001' },
      limit: { type: 'string', default: '1755' },
      'per-second': { type: 'string', default: '100' },
    },
  })
  const updates = (await readUpdates()).slice(0, Number(values.limit))
  const print = (text: string) => process.stdout.write(text)
  const { changed, failed, seconds } = await replay(updates, {
    url: values.url,
    perSecond: Number(values['per-second']),
    onProgress: (done) => {
      if (done % 100 === 0) print(`${done} of ${updates.length}\n`)
    },
  })
  for (const { name, error } of failed) print(`${name}: ${error}\n`)
  print(
    `${updates.length - failed.length} updates in ${seconds.toFixed(1)} s, ${changed} times a product became stale, ${failed.length} failed\n`,
  )
  process.exitCode = failed.length === 0 ? 0 : 1
}
