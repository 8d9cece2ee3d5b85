/** `work` for every item, at most `limit` at a time; the results in order. Stops at the first failure. */
export async function concurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let failed = false
  const worker = async () => {
    while (next < items.length && !failed) {
      const index = next++
      try {
        results[index] = await work(items[index] as T, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  return results
}

/**
 * `work` for everything that comes, at most `limit` at a time; the next is fetched while the others are worked on.
 * Stops at the first failure, and then throws when all work that was begun has ended.
 */
export async function eachConcurrently<T>(
  items: AsyncGenerator<T>,
  limit: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let failed = false
  const worker = async () => {
    try {
      for (let step = await items.next(); !step.done && !failed; step = await items.next()) await work(step.value)
    } catch (error) {
      failed = true
      throw error
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: limit }, worker))
  for (const each of ended) if (each.status === 'rejected') throw each.reason
}
