import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { KckError } from '../../errors.ts'

/** Files locked by this process, so that its own second attempt is refused too. */
const held = new Set<string>()

/**
 * Makes sure that one process at a time opens the data folder: PGlite itself would let two in, and they would corrupt
 * it. The lock is a file beside the folder with the process's id; one left by a process that is gone is taken over.
 */
export function lockDataDir(dataDir: string): () => void {
  const file = `${dataDir}.lock`
  mkdirSync(dirname(file), { recursive: true })
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      writeFileSync(file, identityOf(process.pid), { flag: 'wx' })
      held.add(file)
      return () => {
        if (held.delete(file)) rmSync(file, { force: true })
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      removeIfStale(file)
    }
  }
  throw new KckError('INVALID_CONFIG', 'The lock of the embedded database cannot be had; remove its .lock file')
}

function removeIfStale(file: string): void {
  const holder = readOrEmpty(file)
  const pid = Number.parseInt(holder, 10)
  const alive = held.has(file) || (pid !== process.pid && holder !== '' && identityOf(pid) === holder)
  if (alive) {
    throw new KckError(
      'INVALID_CONFIG',
      `The embedded database is already open in process ${pid}: stop that process, or use its socket`,
      { details: { pid } },
    )
  }
  // Renaming is atomic, so of several processes that found the same stale lock one removes it.
  const taken = `${file}.${process.pid}`
  try {
    renameSync(file, taken)
    // Between the look and the move another process may have made a lock of its own: then it gets it back.
    if (readOrEmpty(taken) !== holder) linkSync(taken, file)
  } catch {
    // Somebody else was first; the next attempt sees what they did.
  }
  rmSync(taken, { force: true })
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** The process's id and start time: ids are reused, above all in containers. Empty when there is no such process. */
function identityOf(pid: number): string {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return ''
  }
  // After the name in parentheses the start time is the 20th field, in ticks since the machine started.
  const stat = readOrEmpty(`/proc/${pid}/stat`)
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`
}
