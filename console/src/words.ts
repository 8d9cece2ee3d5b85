export function span(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}

export const since = (at: number): string => `${span(Math.max(0, Date.now() - at))} ago`

/** Past or to come. */
export function when(at: number): string {
  const ms = at - Date.now()
  return ms > 0 ? `in ${span(ms)}` : since(at)
}

export const time = (at: number): string => new Date(at).toLocaleTimeString([], { hour12: false })

export function bytes(count: number): string {
  if (count < 1_024) return `${count} B`
  return count < 1_048_576 ? `${(count / 1_024).toFixed(1)} KiB` : `${(count / 1_048_576).toFixed(1)} MiB`
}

export const number = (value: number): string => value.toLocaleString('en')
