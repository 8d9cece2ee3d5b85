import type { StoredRecord, WriteQueue } from '../ports/write-queue.ts'
import { parseRecord, type Total } from './record.ts'

export interface End {
  readonly position: number
  /** Of all writes up to there. */
  readonly total: Total
}

const PAGE = 100

/** The last record of a log, given one that is there, or was. A log has no holes, so a long one is not read through. */
export async function endOfLog(queue: WriteQueue, shard: number, from: End): Promise<End> {
  const page = await queue.read(shard, from.position, PAGE)
  const last = page.at(-1)
  if (!last) return from
  return endOf(page.length < PAGE ? last : await lastAbove(queue, shard, last))
}

async function lastAbove(queue: WriteQueue, shard: number, known: StoredRecord): Promise<StoredRecord> {
  const recordAt = async (position: number) => (await queue.read(shard, position - 1, 1))[0]
  let last = known
  let step = PAGE
  for (let next = await recordAt(last.position + step); next; next = await recordAt(last.position + step)) {
    last = next
    step *= 2
  }
  // The end lies less than `step` behind `last`.
  for (step = Math.floor(step / 2); step > 0; step = Math.floor(step / 2)) {
    last = (await recordAt(last.position + step)) ?? last
  }
  // What was appended in the meantime, and the last bit of an odd step.
  for (let next = await recordAt(last.position + 1); next; next = await recordAt(last.position + 1)) last = next
  return last
}

function endOf(record: StoredRecord): End {
  const { position, total } = parseRecord(record)
  return { position, total }
}
