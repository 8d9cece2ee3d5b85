import type { CallOptions } from './entry-store.ts'

/** A response body that is larger than an answer can be. It never changes under its name. */
export interface LargeBody {
  /** Letters, digits, `.`, `/` and `-`; another body has another name. */
  readonly name: string
  readonly contentType: string
  /** Missing: the bytes are as they are. */
  readonly contentEncoding?: string
  readonly bytes: Uint8Array
}

/** Where large bodies lie for whoever is sent there. */
export interface LargeBodies {
  /**
   * A URL that gives the body for some minutes to whoever has it, so it must reach nobody who may not have the body. The
   * bytes are written once, and again when they may be gone soon. Throws `STORE_UNAVAILABLE`.
   */
  link(body: LargeBody, options?: CallOptions): Promise<string>
  close(): Promise<void>
}
