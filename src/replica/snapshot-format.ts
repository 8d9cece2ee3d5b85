import { createHash, type Hash } from 'node:crypto'
import type { Exported, Pair } from '../ports/replica-state.ts'
import type { SnapshotInfo } from '../ports/snapshot-store.ts'

/**
 * A snapshot's content: one line of JSON that says what it is, then for each pair the length of its key and of its
 * value (4 bytes each), key, value. The checksum of all that stands in the pointer.
 */
interface Head {
  readonly format: 'kck-snapshot-1'
  readonly logId: string
  readonly id: number
}

const MOST_HEAD = 1024
const MOST_KEY = 64 * 1024
const MOST_VALUE = 64 * 1024 * 1024

/** What a snapshot holds is not what was written. */
export class TornSnapshot extends Error {
  override readonly name = 'TornSnapshot'
}

/** The content of a snapshot as it is written, and what it came to. */
export class SnapshotWriter {
  readonly #exported: Exported
  readonly #head: Head
  readonly #hash: Hash = createHash('sha256')
  #bytes = 0

  constructor(exported: Exported, logId: string) {
    this.#exported = exported
    this.#head = { format: 'kck-snapshot-1', logId, id: exported.position.id }
  }

  async *content(): AsyncGenerator<Uint8Array> {
    yield this.#counted(Buffer.from(`${JSON.stringify(this.#head)}\n`))
    for await (const page of this.#exported.pages) yield this.#counted(Buffer.concat(page.flatMap(framed)))
  }

  /** To be asked when all of the content was taken. */
  describe(): Omit<SnapshotInfo, 'name'> {
    const { logId, id } = this.#head
    return { logId, id, bytes: this.#bytes, checksum: this.#hash.copy().digest('hex') }
  }

  #counted(piece: Buffer): Buffer {
    this.#hash.update(piece)
    this.#bytes += piece.length
    return piece
  }
}

function framed({ key, value }: Pair): Uint8Array[] {
  const lengths = Buffer.allocUnsafe(8)
  lengths.writeUInt32LE(key.length, 0)
  lengths.writeUInt32LE(value.length, 4)
  return [lengths, key, value]
}

/** The pairs of a snapshot, a page for each piece of content. Throws `TornSnapshot` at the latest after the last page. */
export async function* readSnapshot(
  snapshot: SnapshotInfo,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Pair[]> {
  const hash = createHash('sha256')
  let rest: Buffer = Buffer.alloc(0)
  let isHeadRead = false
  for await (const piece of content) {
    hash.update(piece)
    rest = joined(rest, piece)
    if (!isHeadRead) {
      const end = headEnd(rest)
      if (end === null) continue
      checkHead(snapshot, rest.toString('utf8', 0, end))
      rest = rest.subarray(end + 1)
      isHeadRead = true
    }
    const { pairs, read } = pairsIn(rest)
    rest = rest.subarray(read)
    yield pairs
  }
  if (!isHeadRead || rest.length > 0 || hash.digest('hex') !== snapshot.checksum) {
    throw new TornSnapshot('The content does not end where it should, or its checksum is another one')
  }
}

function joined(rest: Buffer, piece: Uint8Array): Buffer {
  if (rest.length > 0) return Buffer.concat([rest, piece])
  return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
}

/** Where the first line ends; null: not yet. */
function headEnd(bytes: Buffer): number | null {
  const end = bytes.indexOf('\n')
  return end < 0 && bytes.length <= MOST_HEAD ? null : Math.max(0, end)
}

function checkHead(snapshot: SnapshotInfo, text: string): void {
  let head: Partial<Head> | null = null
  try {
    head = JSON.parse(text) as Partial<Head>
  } catch {
    // Said below.
  }
  if (head?.format !== 'kck-snapshot-1' || head.logId !== snapshot.logId || head.id !== snapshot.id) {
    throw new TornSnapshot('The content is not that of this snapshot')
  }
}

/** The whole pairs at the start of `bytes`, as views of it, and where they end. */
function pairsIn(bytes: Buffer): { readonly pairs: readonly Pair[]; readonly read: number } {
  const pairs: Pair[] = []
  let read = 0
  while (bytes.length - read >= 8) {
    const keyLength = bytes.readUInt32LE(read)
    const valueLength = bytes.readUInt32LE(read + 4)
    // Nothing is set aside for lengths that nobody has written.
    if (keyLength === 0 || keyLength > MOST_KEY || valueLength > MOST_VALUE) {
      throw new TornSnapshot('A length in the content is none')
    }
    const valueAt = read + 8 + keyLength
    const end = valueAt + valueLength
    if (end > bytes.length) break
    pairs.push({ key: bytes.subarray(read + 8, valueAt), value: bytes.subarray(valueAt, end) })
    read = end
  }
  return { pairs, read }
}
