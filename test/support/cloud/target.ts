import type { TokenContents } from './issuer.ts'

/** A running system that the end-to-end tests are run on: the shop of `test/cloud/shop`. */
export interface Target {
  readonly url: string
  /** Of the shop's database, beside the system. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>
  token(contents?: TokenContents): Promise<string>
  /** Lets a minute's schedules come due and be handled. */
  runSchedules(): Promise<void>
  /** What the system consists of, to be stopped and started again. */
  readonly parts: Readonly<Record<string, Part>>
  /** For the message of a test that failed. */
  log(): string
  stop(): Promise<void>
}

export interface Part {
  stop(): Promise<void>
  start(): Promise<void>
}
