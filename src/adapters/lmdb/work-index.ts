import type { Clock } from '../../ports/clock.ts'
import type { WorkIndex, WorkItem } from '../../ports/work-index.ts'
import type { Environment } from './environment.ts'
import { hashOf, sortable, ZERO } from './keys.ts'
import { seal, unseal } from './record.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** Table `work` by kind, time and the hash of the id; the record holds the item as JSON. */
export function createLmdbWorkIndex(environment: Environment, clock: Clock): WorkIndex {
  const work = environment.table('work')

  return {
    async put(items, options) {
      options?.signal?.throwIfAborted()
      if (items.length === 0) return
      const records = items.map((item) => {
        const place = workPlace(item)
        return { place, record: seal(place, clock.now() + DAY, [Buffer.from(JSON.stringify(item))]) }
      })
      const bytes = records.reduce((sum, { place, record }) => sum + place.length + record.length, 0)
      await environment.writeSoon({ records: records.length, bytes }, () => {
        for (const { place, record } of records) work.putSync(place, record)
      })
    },
    async remove(items, options) {
      options?.signal?.throwIfAborted()
      if (items.length === 0) return
      await environment.writeSoon(null, () => {
        for (const item of items) work.removeSync(workPlace(item))
      })
    },
    async list(kind, minute, page, options) {
      options?.signal?.throwIfAborted()
      const begin = Math.floor(minute / MINUTE) * MINUTE
      const start =
        page.after === undefined ? timePlace(kind, begin) : Buffer.concat([Buffer.from(page.after, 'base64url'), ZERO])
      const range = { start, end: timePlace(kind, begin + MINUTE), limit: page.limit }
      const found = environment.read(() => [...work.getRange(range)])
      const items = found.flatMap(({ key, value }) => {
        const record = unseal(key, value)
        if (typeof record === 'string') environment.unreadable('work item', key.toString('hex'), record)
        const isOwed = typeof record === 'object' && (record.removeAt ?? 0) > clock.now()
        return isOwed ? [JSON.parse(record.payload.toString()) as WorkItem] : []
      })
      const last = found.length === page.limit ? found.at(-1) : undefined
      return last ? { items, next: last.key.toString('base64url') } : { items }
    },
  }
}

function timePlace(kind: WorkItem['kind'], at: number): Buffer {
  return Buffer.concat([Buffer.from(kind === 'refresh' ? 'r' : 'i'), sortable(at)])
}

function workPlace({ kind, id, at }: Pick<WorkItem, 'kind' | 'id' | 'at'>): Buffer {
  return Buffer.concat([timePlace(kind, at), hashOf(id)])
}
