import { FileUpdateLog } from '../../src/adapters/file-log/update-log.ts'
import { raw } from '../../src/replica/codec.ts'
import { openReplica } from '../../src/replica/open-replica.ts'
import { bytesOf, drawn, keyOf } from './dataset.ts'

/** What the benchmark tells a process beside it: read without a pause, or write so many keys a second. */
export interface NeighbourOptions {
  readonly folder: string
  readonly keys: number
  readonly bytes: number
  readonly writesPerSecond: number
}

const { folder, keys, bytes, writesPerSecond } = JSON.parse(process.argv[2] ?? '') as NeighbourOptions
const replica = await openReplica({
  name: 'data',
  path: folder,
  log: new FileUpdateLog({ path: `${folder}/log` }),
  codec: raw(),
  everyMs: 100,
})
const TICK_MS = 10
const names = drawn(keys)
let written = 0
let next = 0

/** Returns how many milliseconds to leave to others. */
async function turn(since: number): Promise<number> {
  if (writesPerSecond === 0) {
    for (let index = 0; index < 2_000; index += 1) replica.get(names[index % names.length] as string)
    return 0
  }
  const owed = Math.floor(((performance.now() - since) * writesPerSecond) / 1_000) - written
  if (owed > 0) {
    await replica.setMany(
      Array.from({ length: Math.min(owed, 1_000) }, () => {
        next = (next + 7_919) % keys
        return [keyOf(next), bytesOf(next, bytes)] as const
      }),
    )
    written += Math.min(owed, 1_000)
  }
  return TICK_MS
}

let isOver = false
process.on('message', () => {
  isOver = true
})
process.send?.('ready')
const since = performance.now()
while (!isOver) {
  const pauseMs = await turn(since)
  await new Promise((resolve) => setTimeout(resolve, pauseMs))
}
process.send?.({ perSecond: (written / (performance.now() - since)) * 1_000 })
await replica.close()
process.disconnect()
