import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { subscribe } from '../../src/events.ts'
import { openReplica } from '../../src/replica/open-replica.ts'
import { openFileSnapshots } from '../../src/replica/open-snapshots.ts'
import { openTestLog, type TestLog } from './replica-logs.ts'

/**
 * A process of a machine (`path`) beside others, on the log of `what`.
 *
 * `write <name>`: writes until it is killed, and says `ack <key> <number>` for what is durable. Its counter goes up.
 * Where there is a folder for snapshots, it takes them and compacts.
 * `read`: reads until its input ends, and counts how often a counter went back; then says what it has.
 */
const [mode, name = '', path = '', what = '', snapshotsPath = ''] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)
let faults = 0
subscribe((event) => {
  if (event.type === 'fault' || (event.type === 'replica' && event.outcome === 'rebuilt')) faults++
})
const log = await openTestLog(JSON.parse(what) as TestLog)
const snapshots = snapshotsPath === '' ? null : openFileSnapshots({ path: snapshotsPath })
const replica = await openReplica<number>({ name: 'test', path, log, everyMs: 30, ...(snapshots && { snapshots }) })
say('ready')

async function write() {
  await replica.update()
  const counter = `counter/${name}`
  for (let step = (replica.get(counter) ?? 0) + 1; ; step++) {
    await replica.set(counter, step)
    if (replica.get(counter) !== step) say(`lost ${counter} ${step}`)
    say(`ack ${counter} ${step}`)
    await change(step)
    if (snapshots && step % 8 === 0) await compact()
  }
}

async function change(step: number) {
  if (step % 3 === 0) {
    const many = Array.from({ length: 5 }, (_, index): [string, number] => [`${name}/${(step + index) % 40}`, step])
    await replica.setMany(many)
  }
  if (step % 5 === 0) await replica.deleteMany([`${name}/${step % 40}`, `shared/${step % 7}`])
  if (step % 2 === 0) await replica.set(`shared/${step % 7}`, step)
}

async function compact() {
  const { id } = await replica.snapshot()
  await replica.compact(id)
  say(`compacted ${id}`)
}

async function read() {
  let stopped = false
  process.stdin.on('end', () => {
    stopped = true
  })
  process.stdin.resume()
  const seen = new Map<string, number>()
  let [reads, backwards, wrong] = [0, 0, 0]
  const watch = (what: string, value: number) => {
    reads++
    if (value < (seen.get(what) ?? 0)) backwards++
    seen.set(what, value)
  }
  while (!stopped) {
    for (const counter of ['counter/a', 'counter/b']) watch(counter, replica.get(counter) ?? 0)
    watch('id', replica.updateId)
    await systemClock.sleep(2)
  }
  await replica.update()
  const hash = createHash('sha256')
  for (const [key, value] of replica.entries()) {
    hash.update(`${key}=${value};`)
    // What is kept decoded is what the file has.
    if (replica.get(key) !== value) wrong++
  }
  const { updateId, size } = replica
  await replica.close()
  say(JSON.stringify({ reads, backwards, wrong, faults, updateId, size, digest: hash.digest('hex') }))
}

await (mode === 'write' ? write() : read())
