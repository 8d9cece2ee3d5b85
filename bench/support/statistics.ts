/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

/** The smallest value that at least `share` (0 to 1) of the values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/**
 * The median of `a / b` taken round by round: what happened to the machine in a round happened to both.
 * Rounds that either of them lacks do not count.
 */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  const ratios: number[] = []
  for (let round = 0; round < Math.min(a.length, b.length); round++) {
    const [above, below] = [a[round] as number, b[round] as number]
    if (below > 0) ratios.push(above / below)
  }
  return median(ratios)
}

/** Every system once per round, each round beginning with another one, so that none has always the same neighbour. */
export function interleave<T>(systems: readonly T[], rounds: number): readonly T[] {
  return Array.from({ length: rounds }, (_, round) => {
    const first = systems.length === 0 ? 0 : round % systems.length
    return [...systems.slice(first), ...systems.slice(0, first)]
  }).flat()
}
