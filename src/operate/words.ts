/** A length of time as people say it: `350 ms`, `12 s`, `5 min`, `3 h`, `2 days`. */
export function ago(ms: number): string {
  const span = Math.max(0, ms)
  if (span < 1_000) return `${Math.round(span)} ms`
  if (span < 120_000) return `${Math.round(span / 1_000)} s`
  if (span < 7_200_000) return `${Math.round(span / 60_000)} min`
  if (span < 172_800_000) return `${Math.round(span / 3_600_000)} h`
  return `${Math.round(span / 86_400_000)} days`
}

export function clockTime(at: number): string {
  return new Date(at).toISOString()
}
