/** The most that Cassandra and Keyspaces take: 20 years, in seconds. */
const LONGEST_S = 630_720_000

/**
 * Seconds until something may vanish that must be there before `removeAt`. One more than it seems: the server counts in
 * whole seconds from the start of the present one. 0 is for ever, which is also what a time beyond 20 years becomes.
 */
export function ttlSeconds(removeAt: number | null, now: number): number {
  if (removeAt === null) return 0
  const seconds = Math.max(1, Math.ceil((removeAt - now) / 1_000) + 1)
  return seconds > LONGEST_S ? 0 : seconds
}
