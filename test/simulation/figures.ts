/** What a run was like, beside being right. */
export class Figures {
  schedules = 0
  operations = 0
  answers = 0
  errors = 0
  changes = 0
  computes = 0
  cutoffs = 0
  kills = 0
  /** Values served as fresh while a change was on its way whose parts did not agree. */
  mixed = 0
  /** Milliseconds from a change to the moment a product that was there holds it, fresh. */
  readonly lags: number[] = []
  /** Milliseconds by which a request outlived its deadline. */
  late = 0

  add(other: Counts): void {
    this.schedules += other.schedules
    this.operations += other.operations
    this.answers += other.answers
    this.errors += other.errors
    this.changes += other.changes
    this.computes += other.computes
    this.cutoffs += other.cutoffs
    this.kills += other.kills
    this.mixed += other.mixed
    this.late = Math.max(this.late, other.late)
    for (const lag of other.lags) this.lags.push(lag)
  }

  summary() {
    const lags = Float64Array.from(this.lags).sort()
    const at = (share: number) => Math.round(lags[Math.min(lags.length - 1, Math.floor(lags.length * share))] ?? 0)
    return {
      schedules: this.schedules,
      operations: this.operations,
      answers: this.answers,
      errors: this.errors,
      kills: this.kills,
      changes: this.changes,
      mixed: this.mixed,
      lateMs: this.late,
      lagMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
      computesPerChange: this.changes === 0 ? 0 : Math.round((this.computes / this.changes) * 100) / 100,
      cutoffsPerChange: this.changes === 0 ? 0 : Math.round((this.cutoffs / this.changes) * 100) / 100,
    }
  }
}

/** As they come from another thread. */
export type Counts = Readonly<Omit<Figures, 'add' | 'summary'>>

export type Summary = ReturnType<Figures['summary']>

/** Generous: what is beyond them is not slow but broken, though nothing was ever wrong. */
export interface Limits {
  readonly p50: number
  readonly p99: number
  readonly computesPerChange: number
  /** Of all answers. */
  readonly mixed: number
}

export function beyond(summary: Summary, limits: Limits): readonly string[] {
  const { lagMs, computesPerChange, mixed, answers } = summary
  const found: string[] = []
  if (lagMs.p50 > limits.p50) found.push(`half of all changes take more than ${limits.p50} ms: ${lagMs.p50}`)
  if (lagMs.p99 > limits.p99) found.push(`a hundredth of all changes takes more than ${limits.p99} ms: ${lagMs.p99}`)
  if (computesPerChange > limits.computesPerChange) found.push(`${computesPerChange} computes for each change`)
  if (mixed > limits.mixed * answers) found.push(`${mixed} of ${answers} answers are a mix of old and new`)
  return found
}
