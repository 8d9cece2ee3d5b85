const expired = new Error('No answer before the deadline')

/**
 * `work`, but no longer than until `until` (of `performance.now()`, may be infinite) and only while `signal` is not aborted. What goes on
 * behind it is left to end by itself. Rejects with a plain error, or the signal's reason.
 */
export function within<T>(work: Promise<T>, until: number, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const ms = Math.max(0, until - performance.now())
    const timer = Number.isFinite(ms) ? setTimeout(() => finish(() => reject(expired)), ms) : undefined
    const onAbort = () => finish(() => reject(signal?.reason))
    const finish = (settle: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      settle()
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    work.then(
      (value) => finish(() => resolve(value)),
      (error: unknown) => finish(() => reject(error)),
    )
  })
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, ms))
  })
}

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
