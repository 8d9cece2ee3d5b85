import { expect } from 'vitest'
import type { SnapshotInfo, SnapshotStore } from '../../src/ports/snapshot-store.ts'
import { type SuiteOptions, suite } from './suite.ts'

export interface SnapshotHarness {
  /** Empty. */
  readonly store: SnapshotStore
  /** A second client of the same snapshots. */
  another(): SnapshotStore
  /** Shortens the stored content of a snapshot, as a torn write or a failing disk would. */
  tear(snapshot: SnapshotInfo): Promise<void>
  close(): Promise<void>
}

/** What every `SnapshotStore` must do. */
export function snapshotStoreConformance(
  name: string,
  factory: () => Promise<SnapshotHarness>,
  options: SuiteOptions = {},
): void {
  suite<SnapshotHarness>({ name: `SnapshotStore: ${name}`, factory, options }, (check) => {
    writing(check)
    failing(check)
  })
}

type Check = Parameters<Parameters<typeof suite<SnapshotHarness>>[1]>[0]

function writing(check: Check): void {
  check('nothing is listed before anything is written', async ({ store }) => {
    expect(await store.list()).toEqual([])
  })

  check('what was written is listed and read by others, byte for byte', async ({ store, another }) => {
    const content = Buffer.concat(pieces(700, 1000))
    const written = await store.put(each(pieces(700, 1000)), () => described(12, content.length))
    expect(written).toEqual({ ...described(12, content.length), name: written.name })
    expect(await another().list()).toEqual([written])
    expect(await contentOf(another(), written)).toEqual(content)
  })

  check('a snapshot may be empty, or larger than any part of an upload', async ({ store }) => {
    const empty = await store.put(each([]), () => described(1, 0))
    expect(await contentOf(store, empty)).toHaveLength(0)
    const large = Buffer.concat(pieces(17, 1024 * 1024))
    const written = await store.put(each(pieces(17, 1024 * 1024)), () => described(2, large.length))
    expect((await contentOf(store, written))?.equals(large)).toBe(true)
  })

  check('the highest id comes first, of equal ids the later one', async ({ store }) => {
    const names: string[] = []
    for (const id of [9, 100, 20, 100]) names.push((await store.put(each([]), () => described(id, 0))).name)
    const listed = await store.list()
    expect(listed.map(({ id }) => id)).toEqual([100, 100, 20, 9])
    expect(new Set(listed.map(({ name }) => name))).toEqual(new Set(names))
  })

  check('the description is asked for when all of the content was taken', async ({ store }) => {
    let taken = 0
    const counted = async function* () {
      for (const piece of pieces(5, 10)) {
        taken += piece.length
        yield piece
      }
    }
    const written = await store.put(counted(), () => described(3, taken))
    expect(written.bytes).toBe(50)
  })

  check('what is removed is gone, and may be removed again', async ({ store, another }) => {
    const first = await store.put(each(pieces(1, 10)), () => described(1, 10))
    const second = await store.put(each(pieces(1, 10)), () => described(2, 10))
    await another().remove(first)
    await store.remove(first)
    expect(await store.list()).toEqual([second])
    expect(await store.open(first)).toBeNull()
    expect(await contentOf(store, second)).toHaveLength(10)
  })
}

function failing(check: Check): void {
  check('content that fails is not listed, and its own error comes through', async ({ store }) => {
    const kept = await store.put(each(pieces(1, 10)), () => described(1, 10))
    const failure = new Error('the disk of the state is gone')
    const failing = async function* () {
      yield* pieces(2, 1024 * 1024)
      throw failure
    }
    await expect(store.put(failing(), () => described(2, 0))).rejects.toBe(failure)
    await expect(
      store.put(each(pieces(1, 10)), () => {
        throw failure
      }),
    ).rejects.toBe(failure)
    expect(await store.list()).toEqual([kept])
  })

  check('a torn snapshot reads short, and the others stay', async ({ store, tear }) => {
    const older = await store.put(each(pieces(3, 10)), () => described(1, 30))
    const newer = await store.put(each(pieces(3, 10)), () => described(2, 30))
    await tear(newer)
    expect(await contentOf(store, newer).catch(() => null)).not.toHaveLength(30)
    expect(await contentOf(store, older)).toHaveLength(30)
  })

  check('an aborted call throws its reason', async ({ store }) => {
    const reason = new Error('the process stops')
    const signal = AbortSignal.abort(reason)
    await expect(store.list({ signal })).rejects.toBe(reason)
    await expect(store.put(each([]), () => described(1, 0), { signal })).rejects.toBe(reason)
    const stopping = new AbortController()
    const stopped = async function* () {
      yield* pieces(1, 10)
      stopping.abort(reason)
      yield* pieces(1, 10)
    }
    const stoppedPut = store.put(stopped(), () => described(1, 0), { signal: stopping.signal })
    await expect(stoppedPut).rejects.toBe(reason)
    expect(await store.list()).toEqual([])
  })

  check('a name that is none of its own is refused', async ({ store }) => {
    const other = { ...described(1, 0), name: '../../etc/passwd' }
    await expect(store.open(other)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(store.remove(other)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })
}

function described(id: number, bytes: number): Omit<SnapshotInfo, 'name'> {
  return { id, logId: 'log-1', bytes, checksum: 'a'.repeat(64) }
}

/** Different ones, so that none can stand for another. */
function pieces(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.alloc(bytes, index + 1))
}

async function* each(content: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of content) yield piece
}

async function contentOf(store: SnapshotStore, snapshot: SnapshotInfo): Promise<Buffer | null> {
  const content = await store.open(snapshot)
  if (!content) return null
  const found: Uint8Array[] = []
  for await (const piece of content) found.push(piece)
  return Buffer.concat(found)
}
