import type { Mark } from './entry.ts'

/** The change that placed a mark: its marks are named after it. */
export function changeOf(markId: string): string {
  return markId.split(':', 1)[0] ?? markId
}

/**
 * Whether a mark says that a change has begun of which these marks do not say yet that it is over. Until then it stays,
 * also when it is folded: a value that is made meanwhile may have seen the change or not.
 */
export function isUnderWay({ id, delta }: Mark, marks: readonly Mark[]): boolean {
  return delta?.phase === 'begin' && !marks.some((other) => other.id !== id && changeOf(other.id) === delta.of)
}
