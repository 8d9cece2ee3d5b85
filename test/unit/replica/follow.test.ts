import { afterEach, beforeEach, expect, test } from 'vitest'
import { replicaMachines } from '../../support/replica-machines.ts'

let machines: ReturnType<typeof replicaMachines>
beforeEach(() => {
  machines = replicaMachines()
})
afterEach(() => machines.close())

test('a follower applies what others write, and says so', async () => {
  const [here, there] = [await machines.ready('here'), await machines.ready('there')]
  const stop = there.follow()
  await here.set('key', 1)
  await machines.clock.advance(400)
  expect(there.get('key')).toBe(1)
  expect(there.currentAt).toBeGreaterThan(0)
  expect(machines.said('applied').at(-1)).toMatchObject({ id: 1 })
  await stop()
  await here.set('key', 2)
  await machines.clock.advance(10_000)
  expect(there.get('key')).toBe(1)
})

test('a log that cannot be read is tried again, less and less often, and reported', async () => {
  const replica = await machines.ready()
  const read = machines.log.read.bind(machines.log)
  let tries = 0
  machines.log.read = async () => {
    tries++
    throw new Error('down')
  }
  const stop = replica.follow()
  await machines.clock.advance(60_000)
  expect(tries).toBeGreaterThan(5)
  expect(tries).toBeLessThan(20)
  expect(machines.said('failed')).toHaveLength(tries)
  machines.log.read = read
  await machines.log.append({ contents: Buffer.from([1]), key: null, operation: 'a' })
  await machines.clock.advance(40_000)
  expect(replica.updateId).toBe(1)
  await stop()
})

test('a log that never answers holds the follower up to its deadline only', async () => {
  const replica = await machines.ready('here', { deadlineMs: 1_000 })
  let asked = 0
  machines.log.read = () => {
    asked++
    return new Promise(() => undefined)
  }
  const stop = replica.follow()
  await machines.clock.advance(5_000)
  expect(asked).toBeGreaterThan(1)
  expect(machines.said('failed').length).toBeGreaterThan(1)
  await stop()
})

test('a replica that is far behind says how far', async () => {
  for (let each = 0; each < 1200; each++) {
    await machines.log.append({ contents: Buffer.from([1]), key: null, operation: String(each) })
  }
  await machines.ready('late')
  expect(machines.said('behind')[0]).toMatchObject({ lag: 1200 })
})
