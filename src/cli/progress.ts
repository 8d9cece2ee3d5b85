import type { Io } from './io.ts'

/** How often a line is written where there is no terminal. */
const every = 10_000

export interface Progress {
  at(done: number, what: string): void
  end(): void
}

/** Shows how far long work is, on the error output: in place on a terminal, a line now and then elsewhere. */
export function createProgress(io: Io, { json }: { readonly json?: boolean }): Progress {
  const { status } = io
  let told = 0
  const tell = (done: number, what: string) => {
    if (done - told < every) return
    told = done
    io.err(`${done} ${what}`)
  }
  if (json) return { at: () => undefined, end: () => undefined }
  return status
    ? { at: (done, what) => status(`${done} ${what}`), end: () => status('') }
    : { at: tell, end: () => undefined }
}
