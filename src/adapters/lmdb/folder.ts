import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { KckError } from '../../errors.ts'
import { emit } from '../../events.ts'
import type { Clock } from '../../ports/clock.ts'
import { exclusively } from './exclusively.ts'
import { checkFile, checkHead, DamagedFile } from './file-check.ts'
import { currentBoot, isRunning, processName } from './processes.ts'

/**
 * The folder of a store: `data.mdb` and `lock.mdb` are LMDB's, `store.json` says how it was left, `users/` holds one
 * file per process that has it open.
 *
 * A data file is used only when it can be trusted, because LMDB would end the process over a bad one, or serve it:
 *
 * - another living process has it open: it was checked then;
 * - it was closed in order and is as it was left;
 * - it was not closed in order (a process died): every page and record is checked first;
 * - the machine itself stopped meanwhile: the newest writes may be missing or half there, so it is not used.
 *
 * A file that fails is moved aside (`data.mdb.corrupt-<time>`, the latest is kept), reported, and a new one begins: it
 * is a cache. All processes must see each other (one machine, one container), as LMDB's own lock demands too.
 */
export interface Folder {
  /** The file must be checked as a whole before its next use. */
  doubt(): void
  /** Leaves the folder; `clean` when everything this process wrote is committed. */
  release(how: { readonly clean: boolean }): void
}

const FORMAT = 1

interface Note {
  readonly format: number
  /** Tells this environment from any other. */
  readonly id: string
  /** The boot of the machine in which it was last opened. */
  readonly boot: string
  /** The data file as the last process left it; null while it is open, and after a process died. */
  readonly closed: { readonly size: number; readonly modified: number; readonly transaction: string } | null
}

export function claimFolder(path: string, clock: Clock): Folder {
  const user = join(path, 'users', `${processName()}.${randomBytes(6).toString('hex')}`)
  const id = exclusively(path, () => {
    const before = readNote(path)
    const reason = isInUse(path) ? null : distrust(path, before)
    if (reason) setAside(path, clock, reason)
    const name = (reason ? null : before?.id) ?? randomBytes(12).toString('base64url')
    writeNote(path, { format: FORMAT, id: name, boot: currentBoot(), closed: null })
    mkdirSync(join(path, 'users'), { recursive: true })
    writeFileSync(user, '')
    return name
  })
  let doubtful = false
  return {
    doubt: () => {
      doubtful = true
    },
    release({ clean }) {
      try {
        exclusively(path, () => {
          rmSync(user, { force: true })
          if (clean && !doubtful && !isInUse(path) && readNote(path)?.id === id) noteClosed(path, id)
        })
      } catch (error) {
        // The disk is full, or the folder was deleted. Without a note the file is checked before its next use.
        emit({ type: 'fault', where: 'lmdb close', error })
      }
    },
  }
}

/** Why the data file must not be used; null when it may. */
function distrust(path: string, note: Note | null): Error | null {
  const data = join(path, 'data.mdb')
  if (note && note.format > FORMAT) {
    throw new KckError('INVALID_CONFIG', 'The local store was made by a newer KCK: update KCK, or name another folder')
  }
  if (!existsSync(data)) return null
  if (note && !note.closed && note.boot !== currentBoot()) return new Error('The machine stopped while it was open')
  try {
    const { transaction, size } = checkHead(data)
    const closed = note?.closed
    const isAsLeft =
      closed?.size === size &&
      closed.modified === statSync(data).mtimeMs &&
      closed.transaction === transaction.toString()
    if (!isAsLeft) checkFile(data)
    return null
  } catch (error) {
    if (error instanceof DamagedFile) return error
    throw error
  }
}

function setAside(path: string, clock: Clock, reason: Error): void {
  const data = join(path, 'data.mdb')
  for (const name of readdirSync(path)) if (name.startsWith('data.mdb.corrupt-')) rmSync(join(path, name))
  renameSync(data, `${data}.corrupt-${new Date(clock.now()).toISOString().replaceAll(':', '')}`)
  rmSync(join(path, 'lock.mdb'), { force: true })
  emit({ type: 'fault', where: 'lmdb open', code: 'STORE_UNAVAILABLE', error: reason })
}

/** Whether a living process has the folder open. */
function isInUse(path: string): boolean {
  const folder = join(path, 'users')
  const users = existsSync(folder) ? readdirSync(folder) : []
  const living = users.filter((name) => isRunning(name.slice(0, name.lastIndexOf('.'))))
  for (const name of users) if (!living.includes(name)) rmSync(join(folder, name), { force: true })
  return living.length > 0
}

function noteClosed(path: string, id: string): void {
  const data = join(path, 'data.mdb')
  sync(data)
  const { transaction, size } = checkHead(data)
  const closed = { size, modified: statSync(data).mtimeMs, transaction: transaction.toString() }
  writeNote(path, { format: FORMAT, id, boot: currentBoot(), closed })
}

function readNote(path: string): Note | null {
  try {
    return JSON.parse(readFileSync(join(path, 'store.json'), 'utf8')) as Note
  } catch {
    return null
  }
}

function writeNote(path: string, note: Note): void {
  const name = join(path, 'store.json')
  writeFileSync(`${name}.new`, JSON.stringify(note))
  sync(`${name}.new`)
  renameSync(`${name}.new`, name)
  sync(path)
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
