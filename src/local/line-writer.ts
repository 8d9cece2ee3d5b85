import type { Clock } from '../ports/clock.ts'

/** Milliseconds for which lines are gathered: a write for every request would cost more than the request. */
const gatherMs = 50
const gatherCharacters = 64 * 1024

export interface LineWriter {
  write(line: string): void
  /** Hands everything over that is still held. */
  flush(): void
}

/** Lines to a stream, several at a time. */
export function createLineWriter(stream: { write(text: string): unknown }, clock: Clock): LineWriter {
  let held = ''
  let waiting = false

  function flush(): void {
    if (held === '') return
    const text = held
    held = ''
    stream.write(text)
  }

  return {
    write(line) {
      held += `${line}\n`
      if (held.length >= gatherCharacters) flush()
      if (waiting || held === '') return
      waiting = true
      void clock.sleep(gatherMs).then(() => {
        waiting = false
        flush()
      })
    },
    flush,
  }
}
