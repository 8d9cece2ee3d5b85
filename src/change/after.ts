import { hash } from '../entry/body.ts'
import { KckError } from '../errors.ts'

/**
 * What a write answers with, and a fetch may carry: "nothing older than this". Text that means nothing to callers, of at
 * most `LONGEST` characters.
 *
 * - `marked`: everything that rests on the change was marked before the token was made. Who reads the latest of the store
 *   sees the marks; nothing has to be waited for.
 * - `write`: a write that was accepted and is not applied yet; `id` finds it. A fetch waits until it is, and its marks are
 *   placed.
 */
export interface After {
  readonly kind: keyof typeof LETTERS
  /** 1 to 64 characters of `[0-9A-Za-z_-]`. */
  readonly id: string
}

const LETTERS = { marked: 'm', write: 'w' } as const
const LONGEST = 80
/** Tokens that one fetch may carry. */
const MOST = 16
const FORM = /^1([mw])\.([0-9A-Za-z_-]{1,64})\.([0-9a-f]{8})$/

export function formatAfter({ kind, id }: After): string {
  const text = `1${LETTERS[kind]}.${id}`
  return `${text}.${checkOf(text)}`
}

/** The token of a change whose marks are all placed. `id`: the change's, of any form. */
export function markedAfter(id: string): string {
  return formatAfter({ kind: 'marked', id: hash(id).slice(0, 16) })
}

/** One token, or several with commas between. Throws `BAD_REQUEST` for what no write has answered with. */
function parseAfter(text: string): readonly After[] {
  const tokens = text.length > MOST * (LONGEST + 2) ? [] : text.split(',').map((token) => parseOne(token.trim()))
  if (tokens.length > 0 && tokens.length <= MOST) return tokens
  throw new KckError('BAD_REQUEST', `KCK-After takes 1 to ${MOST} tokens`)
}

function parseOne(token: string): After {
  const [, letter, id = '', check] = FORM.exec(token) ?? []
  const kind = (Object.keys(LETTERS) as After['kind'][]).find((name) => LETTERS[name] === letter)
  if (kind === undefined || check !== checkOf(`1${letter}.${id}`)) {
    throw new KckError('BAD_REQUEST', 'KCK-After takes the tokens that an update or a change was answered with')
  }
  return { kind, id }
}

/** Whoever makes one up gains nothing by it; this is against what was cut off or mistyped. */
function checkOf(text: string): string {
  return hash(`kck after ${text}`).slice(0, 8)
}

/** Resolves when a write that was accepted has been applied and everything that rests on it is marked, or it was refused. */
export type AwaitWrite = (id: string, signal: AbortSignal) => Promise<void>

/** Waits for what the tokens name, so that a read of the store's latest that begins afterwards sees all of it. */
export async function awaitAfter(text: string, awaitWrite: AwaitWrite | null, signal: AbortSignal): Promise<void> {
  const writes = parseAfter(text).filter(({ kind }) => kind === 'write')
  if (writes.length > 0 && awaitWrite === null) {
    throw new KckError('BAD_REQUEST', 'KCK-After names a cached write, and there are none here')
  }
  await Promise.all(writes.map(({ id }) => awaitWrite?.(id, signal)))
}
