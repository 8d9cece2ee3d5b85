import type { FetchRequest, Health, Updated } from '../../kck/kck.ts'
import type { Operate } from '../../operate/contract.ts'
import type { Accepted, ParkedWrite, Waiting } from '../../write/api.ts'

/** What a command talks to: the system of this folder, or one that is deployed somewhere. The same for both. */
export interface System {
  fetch(key: string, request?: FetchDirectives): Promise<FetchedValue>
  /** A write of an updater whose writes wait is only accepted. */
  update(updaterKey: string, body: unknown): Promise<Updated | Accepted>
  refresh(key: string): Promise<{ readonly key: string; readonly version: number; readonly state: string }>
  /** False: there was nothing to mark. `cause`: for people; a deployed system says that it came over HTTP. */
  invalidate(key: string, cause: string): Promise<boolean>
  purge(key: string, cause: string): Promise<boolean>
  readonly operate: Operate
  /** Per part: whether it answers, and how fast. */
  health(): Promise<Health>
  readonly writes: SystemWrites
  /** Names of the products. */
  products(): Promise<readonly string[]>
}

/** Cached writes, as operators see them. */
export interface SystemWrites {
  list(): Promise<Waiting & { readonly parked: readonly ParkedWrite[] }>
  retry(id: string): Promise<string>
  discard(id: string): Promise<void>
}

export type FetchDirectives = Pick<FetchRequest, 'maxAgeMs' | 'maxStaleMs' | 'onlyIfCached' | 'noCache'>

export interface FetchedValue {
  readonly key: string
  readonly value: unknown
  readonly version: number
  readonly modified: unknown
  readonly state: string
  /** `near`, `replica`, `store` or `compute`. */
  readonly from: string
  readonly ageMs: number
}
