// biome-ignore-all lint/suspicious/noTemplateCurlyInString: texts of the core.
import type { SCENARIOS } from './scenarios.ts'

/** A bug planted into the core: each of `edits` replaces a text that stands in its file exactly once. */
export interface Mutant {
  readonly edits: readonly Edit[]
  /** Where it shows: other protections are off or hurt. */
  readonly scenario: keyof typeof SCENARIOS
  /** The first that caught it when it was planted: where to begin. */
  readonly seed: number
  /** Nothing is ever wrong, for something else makes up for it: over so many schedules the figures are beyond their limits. */
  readonly masked?: number
}

export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

const edit = (file: string, find: string, replace: string): Edit => ({ file: `src/${file}`, find, replace })

const COMMIT_UNDER_LEASE = `export function commit(entry: StoredEntry, token: string, value: Published, now: number): Transition {
  const row = fold(entry)
  if (row.lease?.token !== token) return { refused: { reason: 'lost' } }`

const READ_PRODUCTS = `  await recorder.willRead(
    keys.map((key) => productNode(key.text)),
    signal,
  )
`

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a commit does not check the lease': {
    scenario: 'crowd',
    seed: 3,
    edits: [
      edit('entry/transitions.ts', COMMIT_UNDER_LEASE, COMMIT_UNDER_LEASE.replace(/\n {2}if .*$/, '')),
      edit('entry/transitions.ts', 'builtEpoch: row.lease.epoch', 'builtEpoch: row.lease?.epoch ?? row.epoch'),
    ],
  },
  'a commit ignores the epoch': {
    scenario: 'storm',
    seed: 2,
    edits: [edit('entry/transitions.ts', 'builtEpoch: row.lease.epoch', 'builtEpoch: row.epoch')],
  },
  'a request is dropped while the key is computed': {
    scenario: 'unswept',
    seed: 6,
    edits: [
      edit(
        'kck/create-kck.ts',
        '  const epoch = nextEpoch(before)\n',
        '  const epoch = nextEpoch(before)\n  if (before.row?.lease) return\n',
      ),
    ],
  },
  'a compute under way answers a request that came later': {
    scenario: 'unswept',
    seed: 34,
    edits: [
      edit(
        'kck/create-kck.ts',
        "if (state.state === 'missing' || state.value.builtEpoch < epoch) return false",
        "if (state.state === 'missing') return false",
      ),
    ],
  },
  'a refresh that knew of fewer changes is enough': {
    scenario: 'diamonds',
    seed: 128,
    edits: [
      edit(
        'kck/create-kck.ts',
        'if (isMarked && state.value.builtEpoch === epoch && !hasSeenAll(entry)) return false',
        '',
      ),
      edit('refresh/refresh.ts', 'request.until(withMarksOf(request, value.entry))', 'request.until(value.entry)'),
    ],
  },
  'what was seen for one request answers a later one': {
    scenario: 'unswept',
    seed: 5,
    edits: [
      edit(
        'refresh/look.ts',
        '  if (seen && seen.entry.key === key && at - seen.at <= SEEN_MS) return seen\n',
        '  const old = (globalThis.oldLooks ??= new WeakMap()).get(entries)?.get(key)\n  if (old) return old\n  if (seen) {\n    const looks = globalThis.oldLooks.get(entries) ?? new Map()\n    globalThis.oldLooks.set(entries, looks.set(key, seen))\n    return seen\n  }\n',
      ),
    ],
  },
  'a message is acknowledged before its work': {
    scenario: 'orphaned',
    seed: 549,
    edits: [
      edit(
        'refresh/handle.ts',
        '  const outcome = await deliver(work, held, signal)\n',
        '  await settle(held.delivery.ack())\n  const outcome = await deliver(work, held, signal)\n',
      ),
    ],
  },
  'a lease never expires': {
    scenario: 'storm',
    seed: 4,
    edits: [
      edit(
        'entry/transitions.ts',
        'row.lease.token !== lease.token && now < row.lease.until',
        'row.lease.token !== lease.token',
      ),
    ],
  },
  'a living lease is taken': {
    scenario: 'unswept',
    seed: 1,
    edits: [
      edit(
        'entry/transitions.ts',
        'row.lease.token !== lease.token && now < row.lease.until',
        'row.lease.token !== lease.token && now < row.lease.since',
      ),
    ],
  },
  'marks of different changes have one id': {
    scenario: 'storm',
    seed: 2,
    edits: [edit('refresh/propagate.ts', 'const id = `${change.id}:${step}${hash', 'const id = `${hash')],
  },
  'marks are dropped when they are folded': {
    scenario: 'unswept',
    seed: 1,
    edits: [edit('entry/transitions.ts', 'absorbed,\n    epoch: row.epoch + 1,', 'absorbed,')],
  },
  'a refused write counts as applied': {
    scenario: 'crowd',
    seed: 100,
    edits: [
      edit(
        'entry/mutate.ts',
        'if (await deps.entries.compareAndSet(entry.row, next, call)) {',
        'await deps.entries.compareAndSet(entry.row, next, call)\n    {',
      ),
    ],
  },
  'edges to products are written after they are read': {
    scenario: 'crowd',
    seed: 4,
    edits: [
      edit('refresh/compute.ts', READ_PRODUCTS, ''),
      edit(
        'refresh/compute.ts',
        'isUnstored ? undefined : at.product.text)\n',
        `isUnstored ? undefined : at.product.text)\n${READ_PRODUCTS}`,
      ),
    ],
  },
  'edges to tables are written after they are read': {
    scenario: 'crowd',
    seed: 128,
    edits: [
      edit('refresh/compute.ts', '      await recorder.willRead(nodes, signal)\n', ''),
      edit(
        'refresh/compute.ts',
        '      recorder.didQuery(',
        '      await recorder.willRead(nodes, signal)\n      recorder.didQuery(',
      ),
    ],
  },
  'edges are removed before the commit': {
    scenario: 'forsaken',
    seed: 1,
    // What comes between is rare: it has time to.
    edits: [
      edit(
        'refresh/make.ts',
        '  const { inputs, ancestors, dropped } = run.recorder\n',
        '  const { inputs, ancestors, dropped } = run.recorder\n  await dropEdges(deps.store, product.text, dropped)\n  await deps.clock.sleep(5_000)\n',
      ),
    ],
  },
  'edges of different computes have one id': {
    scenario: 'either',
    seed: 56,
    edits: [edit('refresh/recorder.ts', '  return `${key} ${edge}`', '  return `${key} ${edge && 1}`')],
  },
  'an intent is crossed out before the marks': {
    scenario: 'crashing',
    seed: 219,
    edits: [
      edit(
        'update/update.ts',
        '    const marked = await deps.changes.mark({ ...after, deltas }, scope.signal)\n',
        '    await intent.settle()\n    const marked = await deps.changes.mark({ ...after, deltas }, scope.signal)\n',
      ),
    ],
  },
  'an intent is written after the write': {
    scenario: 'crashing',
    seed: 241,
    edits: [
      edit(
        'update/update.ts',
        '    const intent = await deps.changes.intend({ ...change, nodes: before.nodes, until: scope.deadline }, before.keys)\n',
        '    const intend = () => deps.changes.intend({ ...change, nodes: before.nodes, until: scope.deadline }, before.keys)\n    let intent = { settle: async () => undefined as void }\n',
      ),
      edit(
        'update/update.ts',
        '    const after = await afterWriting(',
        '    intent = await intend()\n    const after = await afterWriting(',
      ),
    ],
  },
  'nobody resumes a change': {
    scenario: 'crashing',
    seed: 33,
    edits: [
      edit(
        'refresh/change.ts',
        '    await this.mark({ ...propagation, nodes, products }, signal)\n',
        '    void nodes\n',
      ),
    ],
  },
  'a change is not carried on where it arrives by a longer way': {
    scenario: 'unswept',
    seed: 53,
    edits: [
      edit(
        'refresh/propagate.ts',
        '    for (const key of found) seen.add(key)\n    nodes = await nodesRead(deps, found, signal)',
        '    const first = found.filter((key) => !seen.has(key))\n    for (const key of found) seen.add(key)\n    nodes = await nodesRead(deps, first, signal)',
      ),
    ],
  },
  'what is marked again is not asked for again': {
    scenario: 'diamonds',
    seed: 4,
    edits: [edit('refresh/propagate.ts', '  await requestRefreshes(deps, [...again], change, signal)\n', '')],
  },
  'what was asked for is not owed': {
    scenario: 'storm',
    seed: 72,
    edits: [edit('refresh/propagate.ts', "kind: 'refresh', id: key, at: now", "kind: 'intent', id: '', at: 0")],
  },
  'a purge does not fence a compute out': {
    scenario: 'byHand',
    seed: 15,
    edits: [
      edit(
        'entry/transitions.ts',
        '        ...CLEAN,\n        epoch: row.epoch + 1,\n        requested: null,\n        value: null,\n        superseded: null,\n        lease: null,',
        '        ...CLEAN,\n        requested: null,\n        value: null,\n        superseded: null,',
      ),
    ],
  },
  'a set does not fence a compute out': {
    scenario: 'crowd',
    seed: 66,
    edits: [
      edit(
        'entry/transitions.ts',
        '  return { next: publish({ ...row, retired }, { ...value, builtEpoch: row.epoch }, now) }',
        '  return { next: { ...publish({ ...row, retired }, { ...value, builtEpoch: row.epoch }, now), lease: row.lease } }',
      ),
    ],
  },
  'a direct change is cut off': {
    scenario: 'storm',
    seed: 1,
    edits: [edit('refresh/cutoff.ts', '    !row.dirtyDirect &&\n', '')],
  },
  'a first compute forgets that it missed a direct change': {
    scenario: 'storm',
    seed: 42,
    edits: [
      edit(
        'entry/transitions.ts',
        'dirtyDirect: row.dirtyDirect || marks',
        'dirtyDirect: (row.value !== null && row.dirtyDirect) || marks',
      ),
    ],
  },
  'a cutoff compares with stale products': {
    scenario: 'storm',
    seed: 2,
    edits: [edit('refresh/cutoff.ts', '{ maxStaleMs: 0, signal, deadline', '{ signal, deadline')],
  },
  'a compute reads stale products': {
    scenario: 'storm',
    seed: 2,
    edits: [edit('refresh/compute.ts', '{ maxStaleMs: 0, signal,', '{ signal,')],
  },
  'a mix of old and new is published': {
    scenario: 'drawnOut',
    seed: 5,
    edits: [edit('refresh/run.ts', 'outdated.length === 0 || tries', 'outdated.length >= 0 || tries')],
  },
  'a process remembers what it has just changed': {
    scenario: 'near',
    seed: 18,
    edits: [edit('kck/flows.ts', '      near.delete(key)\n', '')],
  },
  'a slow read is remembered over a newer one': {
    scenario: 'slowNear',
    seed: 231,
    edits: [
      edit(
        'fetch/near-cache.ts',
        'if ((this.#deleted.get(key) ?? this.#forgotten) <= deletions) this',
        'if (deletions >= 0) this',
      ),
    ],
  },
  'what is remembered counts from when the answer came': {
    scenario: 'slowNear',
    seed: 605,
    edits: [
      edit(
        'fetch/fetch.ts',
        'near.set(entry.key, { entry, body }, ticket)',
        'near.set(entry.key, { entry, body }, { ...ticket, readAt: this.#deps.clock.now() })',
      ),
    ],
  },
  'a compute reads what its process remembers': {
    scenario: 'near',
    seed: 21,
    edits: [edit('fetch/fetch.ts', 'const isInput = parent !== undefined', 'const isInput = parent === null')],
  },
  'a value is served past its hard expiry': {
    scenario: 'failing',
    seed: 3,
    edits: [
      edit(
        'entry/freshness.ts',
        'value.hardExpiresAt !== null && now >= value.hardExpiresAt)',
        'value.hardExpiresAt !== null && now >= value.hardExpiresAt + (row.failure ? 60_000 : 0))',
      ),
    ],
  },
  'a failure removes the last good value': {
    scenario: 'failing',
    seed: 1,
    edits: [
      edit(
        'entry/transitions.ts',
        'withRemoveAt({ ...row, lease: null, failure }, now)',
        'withRemoveAt({ ...row, value: null, lease: null, failure }, now)',
      ),
    ],
  },
  'a failing key does not back off': {
    scenario: 'failing',
    seed: 3,
    edits: [
      edit(
        'entry/transitions.ts',
        'if (failure && !options.retry && backsOff(',
        'if (failure && !failure && backsOff(',
      ),
    ],
  },
  'a clock says that a change is still to come': {
    scenario: 'storm',
    seed: 3,
    edits: [edit('fetch/judge.ts', 'Math.max(0, now - freshness.since)', 'now - freshness.since')],
  },
  'a clock says that a value has seen a change': {
    scenario: 'storm',
    seed: 6,
    edits: [
      edit('fetch/judge.ts', 'if (!isYoung) return', "if (asOf > startedAt) return 'serve'\n  if (!isYoung) return"),
      edit('fetch/fetch.ts', 'value.body.id === damaged || value.builtEpoch < epoch', 'value.body.id === damaged'),
    ],
  },
  'an augment applies to a value that it was not made for': {
    scenario: 'counted',
    seed: 783,
    edits: [edit('refresh/augment.ts', '    value.builtEpoch === before.row?.epoch &&\n', '')],
  },
  'an augment does without a change that did not say what it was': {
    scenario: 'counted',
    seed: 1474,
    edits: [
      edit('refresh/augment.ts', ' || begun.size !== ended.size) return null', ') return null'),
      edit('refresh/augment.ts', '  for (const of of begun) if (of === undefined || !ended.has(of)) return null\n', ''),
    ],
  },
  'a change begins unseen where nothing is stored yet': {
    scenario: 'counted',
    seed: 1474,
    edits: [edit('refresh/change.ts', '{ signal, absent: true }', '{ signal }')],
  },
  'an augment counts a change once more': {
    scenario: 'counted',
    seed: 137,
    edits: [edit('refresh/augment.ts', 'completeChanges(pendingMarks(before))', 'completeChanges(before.marks)')],
  },
  'a change under way is forgotten when it is folded': {
    scenario: 'counted',
    seed: 1474,
    edits: [
      edit('refresh/augment.ts', '    !before.marks.some((mark) => isUnderWay(mark, before.marks)) &&\n', ''),
      edit('entry/mutate.ts', ' && !isUnderWay(mark, entry.marks))', ')'),
    ],
  },
  'nobody is asked to refresh what changed': {
    scenario: 'calm',
    seed: 1,
    masked: 60,
    edits: [edit('refresh/propagate.ts', 'await debounce.send(keys,', 'await debounce.send([],')],
  },
  'a message computes what is fresh already': {
    scenario: 'calm',
    seed: 1,
    masked: 60,
    edits: [
      edit(
        'refresh/refresh.ts',
        '      if (request.until(entry)) {\n        done = ',
        '      if (!request.until) {\n        done = ',
      ),
    ],
  },
  'nothing is cut off': {
    scenario: 'calm',
    seed: 1,
    masked: 60,
    edits: [
      edit('refresh/cutoff.ts', '    value.builtEpoch !== row.epoch &&\n', '    value.builtEpoch > row.epoch &&\n'),
    ],
  },
  'a repeated set reaches nobody': {
    scenario: 'byHand',
    seed: 112,
    edits: [
      edit(
        'update/by-hand.ts',
        '    // Also when the value is not new: an earlier attempt may have got no further than this line.\n    await this.#deps.changes.mark(',
        '    if (written.version >= change.at) await this.#deps.changes.mark(',
      ),
    ],
  },
}
