/** What a trace is made of. */
export const READ = 0
export const CHANGE = 1
/** A schedule is due: the value is stale from then on, and its refresh is asked for. */
export const SCHEDULE = 2

export interface Happening {
  /** Seconds from the start. */
  readonly at: number
  readonly kind: number
  readonly key: number
}

/** What happens to a cache, whatever it does about it. Keys are numbers from 0; everything is fresh at the start. */
export interface Trace {
  readonly name: string
  readonly seconds: number
  /** Computes that the source bears at once. */
  readonly slots: number
  /** Of each key: how long its compute takes, and for how long its value may be stale. */
  readonly costS: Float64Array
  readonly softTtlS: Float64Array
  /** All that happens, in order of time. */
  readonly at: Float64Array
  readonly kind: Uint8Array
  readonly key: Uint32Array
}

export function traceOf(about: Omit<Trace, 'at' | 'kind' | 'key'>, happenings: readonly Happening[]): Trace {
  const sorted = happenings.toSorted((one, other) => one.at - other.at)
  return {
    ...about,
    at: Float64Array.from(sorted, ({ at }) => at),
    kind: Uint8Array.from(sorted, ({ kind }) => kind),
    key: Uint32Array.from(sorted, ({ key }) => key),
  }
}

/** What the source would have to do for each change and each schedule, as a share of what it can. */
export function offeredLoad(trace: Trace): number {
  let workS = 0
  for (const [index, kind] of trace.kind.entries()) {
    if (kind !== READ) workS += trace.costS[trace.key[index] as number] as number
  }
  return workS / (trace.seconds * trace.slots)
}
