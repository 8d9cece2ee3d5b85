import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KckError } from '../../errors.ts'
import { isRunning, processName } from './processes.ts'

const TURNS = 1000
const TURN_MS = 10
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Runs `work` in one process of the machine at a time, by a lock file in `folder`. For the short moments of opening and closing. */
export function exclusively<T>(folder: string, work: () => T): T {
  const lock = join(folder, 'opening.lock')
  const mine = join(folder, `opening.${processName()}`)
  writeFileSync(mine, processName() ?? '')
  try {
    for (let turn = 0; !tryLock(lock, mine); turn++) {
      if (turn === TURNS) throw new KckError('STORE_UNAVAILABLE', 'Another process keeps the local store from opening')
      Atomics.wait(pause, 0, 0, TURN_MS)
    }
    try {
      return work()
    } finally {
      rmSync(lock, { force: true })
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** The lock is a second name of a file that says who holds it, so it is never without a holder. */
function tryLock(lock: string, mine: string): boolean {
  try {
    linkSync(mine, lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    breakDead(lock, mine)
    return false
  }
}

/** Removes the lock of a process that died with it. */
function breakDead(lock: string, mine: string): void {
  const broken = `${mine}.broken`
  try {
    if (isRunning(readFileSync(lock, 'utf8'))) return
    renameSync(lock, broken)
    // Between the two lines another process may have broken it and taken it: give that one its lock back.
    if (isRunning(readFileSync(broken, 'utf8'))) linkSync(broken, lock)
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    rmSync(broken, { force: true })
  }
}
