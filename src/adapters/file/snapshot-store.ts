import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { SnapshotInfo, SnapshotStore } from '../../ports/snapshot-store.ts'

export interface FileSnapshotOptions {
  /** A folder for the snapshots of one dataset; made when missing. */
  readonly path: string
  readonly clock: Clock
}

const NAME = /^\d{16}-\d{13}-[0-9a-f-]{36}$/
/** Content that nothing points to is what a killed process left, once nobody can be writing it any more. */
const LEFT_BEHIND_MS = 86_400_000

/**
 * Snapshots in a folder: `<name>.data`, and `<name>.json` that points to it, put there by one rename when all of the
 * content is on the disk.
 */
export function createFileSnapshotStore({ path, clock }: FileSnapshotOptions): SnapshotStore {
  const data = (name: string) => join(path, `${checked(name)}.data`)
  const pointer = (name: string) => join(path, `${checked(name)}.json`)
  return {
    list: (options) => attempt('listed', options?.signal, () => list(path)),
    put: (content, describe, { signal } = {}) =>
      attempt('written', signal, async () => {
        await mkdir(path, { recursive: true })
        const writing = join(path, `${randomUUID()}.part`)
        try {
          await write(writing, content, signal)
          const described = describe()
          const name = `${digits(described.id, 16)}-${digits(clock.now(), 13)}-${randomUUID()}`
          const info: SnapshotInfo = { ...described, name }
          await rename(writing, data(name))
          await write(writing, [Buffer.from(JSON.stringify(info))])
          await rename(writing, pointer(name))
          await sync(path)
          await tidy(path, clock.now())
          return info
        } catch (error) {
          await rm(writing, { force: true })
          throw error
        }
      }),
    open: (snapshot, options) =>
      attempt('opened', options?.signal, async () => {
        try {
          await stat(data(snapshot.name))
        } catch (error) {
          if (isMissing(error)) return null
          throw error
        }
        return read(data(snapshot.name), options?.signal)
      }),
    remove: (snapshot, options) =>
      attempt('removed', options?.signal, async () => {
        await rm(pointer(snapshot.name), { force: true })
        await rm(data(snapshot.name), { force: true })
      }),
  }
}

async function list(path: string): Promise<readonly SnapshotInfo[]> {
  const names = (await filesOf(path)).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5))
  const found: SnapshotInfo[] = []
  for (const name of names
    .filter((each) => NAME.test(each))
    .sort()
    .reverse()) {
    try {
      found.push({ ...(JSON.parse(await readFile(join(path, `${name}.json`), 'utf8')) as SnapshotInfo), name })
    } catch (error) {
      // Removed meanwhile, or damaged: it points to nothing.
      if (!(isMissing(error) || error instanceof SyntaxError)) throw error
    }
  }
  return found
}

async function write(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const file = await open(path, 'w')
  try {
    for await (const piece of content) {
      signal?.throwIfAborted()
      await file.writeFile(piece)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

async function* read(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 1024 * 1024, ...(signal ? { signal } : {}) })
  } catch (error) {
    throw signal?.aborted ? signal.reason : unavailable('read', error)
  }
}

/** A rename is there after a crash of the machine once its folder is on the disk. */
async function sync(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function tidy(path: string, now: number): Promise<void> {
  const files = new Set(await filesOf(path))
  for (const file of files) {
    const isLeft = file.endsWith('.part') || (file.endsWith('.data') && !files.has(file.replace(/data$/, 'json')))
    if (!isLeft) continue
    try {
      if (now - (await stat(join(path, file))).mtimeMs > LEFT_BEHIND_MS) await rm(join(path, file), { force: true })
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
}

async function filesOf(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

async function attempt<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await work()
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    // What the content or its description threw is not a failure of the store.
    throw isSystemError(error) ? unavailable(what, error) : error
  }
}

function checked(name: string): string {
  if (NAME.test(name)) return name
  throw new KckError('BAD_REQUEST', 'That is not the name of a snapshot of this store')
}

function digits(number: number, length: number): string {
  return String(number).padStart(length, '0')
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function unavailable(what: string, cause: unknown): KckError {
  return new KckError('STORE_UNAVAILABLE', `The snapshot could not be ${what}`, { cause })
}
