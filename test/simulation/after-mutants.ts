import type { Edit } from './mutants.ts'

const edit = (file: string, find: string, replace: string): Edit => ({ file: `src/${file}`, find, replace })

/** Bugs planted into what a fetch does with a token; `after.ts` must find each. */
export const AFTER_MUTANTS: Readonly<Record<string, readonly Edit[]>> = {
  'a near copy answers who has written': [
    edit('fetch/fetch.ts', '    if (request.after !== undefined) return null\n', ''),
  ],
  'a replica of the store answers who has written': [
    edit('fetch/fetch.ts', 'call.request.after === undefined\n        ?', 'call.request.after !== null\n        ?'),
  ],
  'a stale value answers who has written': [
    edit(
      'fetch/fetch.ts',
      'const isOlder = call.request.after !== undefined && !hasSeenAll(entry)',
      'const isOlder = call.request.after === null && !hasSeenAll(entry)',
    ),
  ],
  'the last good value answers who has written when a compute is late': [
    edit('fetch/fetch.ts', '    if (request.after !== undefined && !hasSeenAll(before)) return null\n', ''),
  ],
  'a change is answered before its marks': [
    edit(
      'refresh/change.ts',
      '    const marked = await this.mark(change, signal)\n    await intent.settle()\n    return marked',
      '    const marking = this.mark(change, signal)\n    marking.then(() => intent.settle()).catch(() => undefined)\n    return { marked: 0, keys: [], after: markedAfter(change.id) }',
    ),
  ],
  'marks that are not folded yet do not count': [
    edit('entry/freshness.ts', '(pendingMarks(entry).length > 0 ? 1 : 0)', '(pendingMarks(entry).length > 0 ? 0 : 0)'),
  ],
  'what a process remembers answers who has written when the store does not': [
    edit(
      'fetch/fetch.ts',
      'parent !== undefined || request.after !== undefined) throw problem',
      'parent !== undefined) throw problem',
    ),
  ],
}
