import { expect, test } from 'vitest'
import { eachConcurrently } from '../../../src/async/concurrently.ts'

async function* numbers(count: number, fetched: number[] = []): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) {
    fetched.push(number)
    yield number
  }
}

test('works on everything that comes, at most so many at a time, and fetches the next meanwhile', async () => {
  const fetched: number[] = []
  const done: number[] = []
  let [open, most, ahead] = [0, 0, 0]
  await eachConcurrently(numbers(20, fetched), 3, async (number) => {
    open += 1
    most = Math.max(most, open)
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    ahead = Math.max(ahead, fetched.length - done.length)
    open -= 1
    done.push(number)
  })
  expect(done.toSorted((a, b) => a - b)).toEqual(fetched)
  expect(fetched).toHaveLength(20)
  expect([most, ahead > 1, ahead <= 4]).toEqual([3, true, true])
})

test('throws the first failure when all that was begun has ended, and begins nothing more', async () => {
  const ended: number[] = []
  const failure = new Error('the third')
  const work = eachConcurrently(numbers(20), 2, async (number) => {
    if (number === 2) throw failure
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    ended.push(number)
  })
  await expect(work).rejects.toBe(failure)
  const before = [...ended]
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
  expect(ended).toEqual(before)
  expect(ended.length).toBeLessThan(5)
})

test('throws what fetching throws', async () => {
  const failure = new Error('no next page')
  async function* broken(): AsyncGenerator<number> {
    yield 0
    throw failure
  }
  await expect(eachConcurrently(broken(), 2, async () => undefined)).rejects.toBe(failure)
})
