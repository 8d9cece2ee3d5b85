import { text } from 'node:stream/consumers'
import type { Environment } from '../config/environment.ts'

/** What a command sees of the world; tests pass their own. */
export interface Io {
  /** Results: what another program reads. */
  out(text: string): void
  /** Everything else, for people. */
  err(text: string): void
  stdin(): Promise<string>
  /** Shows one line in place of the one before it; missing where nobody looks at a terminal. */
  readonly status?: (text: string) => void
  /** The folder that the command was called in. */
  readonly folder: string
  readonly environment: Environment
}

// Whoever read the output may have seen enough (`kck check | head`): no reason to die of it.
process.stdout.on('error', () => undefined)

export const processIo: Io = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  stdin: () => text(process.stdin),
  ...(process.stderr.isTTY ? { status: (line) => void process.stderr.write(`\r\u001b[K${line}`) } : {}),
  folder: process.cwd(),
  environment: process.env,
}
