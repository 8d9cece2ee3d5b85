import type { Failure, StoredEntry } from '../entry/entry.ts'
import { type Freshness, pendingMarks } from '../entry/freshness.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import { isIdle } from '../refresh/candidate.ts'
import { isProduct, keyOfProduct } from '../refresh/recorder.ts'
import type { ExplainedInput, Reason } from './explanation.ts'
import { ago, clockTime } from './words.ts'

/** What the reasons are drawn from. */
export interface Known {
  readonly entry: StoredEntry
  readonly fresh: Freshness
  readonly inputs: readonly ExplainedInput[]
  readonly primer: AnyPrimer
  readonly now: number
}

/** After this long a request that nobody took up has probably got lost. */
const REQUEST_LOST_AFTER_MS = 120_000
/** How many changes are listed. */
const CHANGES = 5

/** Why a product is stale or missing, then why it is not fresh yet. */
export function reasonsOf(known: Known): readonly Reason[] {
  if (known.fresh.state === 'fresh') return []
  const why = known.fresh.state === 'missing' ? whyMissing(known) : whyStale(known, known.fresh)
  return [...why, ...whyInputs(known), ...whyNotYet(known)]
}

function whyMissing({ entry, now }: Known): readonly Reason[] {
  const { row } = entry
  const expiredAt = row?.value?.hardExpiresAt
  if (expiredAt !== undefined && expiredAt !== null) {
    const text = `Its hard TTL passed ${ago(now - expiredAt)} ago (${clockTime(expiredAt)}): the value is never served again.`
    return [{ code: 'hard-expired', text }]
  }
  const purged = row?.history?.findLast(({ what }) => what === 'purged')
  if (purged) {
    return [{ code: 'purged', text: `It was purged ${ago(now - purged.at)} ago: ${purged.cause}.` }]
  }
  return [{ code: 'never-computed', text: 'No value was ever stored; the first fetch computes it.' }]
}

function whyStale(known: Known, fresh: Extract<Freshness, { state: 'stale' }>): readonly Reason[] {
  const { entry, primer, now } = known
  const { value } = fresh
  const reasons: Reason[] = []
  if (value.builtEpoch !== entry.row?.epoch || pendingMarks(entry).length > 0) reasons.push(...whyChanged(known, fresh))
  if (value.primerRevision !== primer.revision) {
    const text = `Its primer's definition changed since it was computed (${primer.file ?? primer.name}).`
    reasons.push({ code: 'definition-changed', text })
  }
  if (value.softExpiresAt !== null && now >= value.softExpiresAt) {
    reasons.push({ code: 'soft-expired', text: `Its soft TTL passed ${ago(now - value.softExpiresAt)} ago.` })
  }
  if (value.asOf > now) {
    const text = `It was computed by a machine whose clock is ${ago(value.asOf - now)} ahead of this one: check the clocks.`
    reasons.push({ code: 'clock-ahead', text })
  }
  return reasons
}

function whyChanged(known: Known, fresh: Extract<Freshness, { state: 'stale' }>): readonly Reason[] {
  const { entry, now } = known
  const { value } = fresh
  const changes = changesOf(known, value.asOf)
  const listed = changes.length === 0 ? [{ at: fresh.since, cause: fresh.cause }] : changes.slice(0, CHANGES)
  const reasons = listed.map(({ at, cause }): Reason => {
    return { code: 'changed', text: `A change made it stale ${ago(now - at)} ago: ${cause}.` }
  })
  const built = entry.row?.history?.findLast(({ what }) => what === 'computed')
  if (built?.version !== value.version || built.at <= fresh.since) return reasons
  const text = 'The change came while it was being computed: the value is newer, and is computed once more.'
  return [...reasons, { code: 'changed-while-computing', text }]
}

/** The changes since the value was made, oldest first. */
function changesOf({ entry }: Known, since: number): readonly { readonly at: number; readonly cause: string }[] {
  const folded = (entry.row?.history ?? []).filter(({ what, at }) => what === 'dirty' && at >= since)
  const all = [...folded, ...pendingMarks(entry)].map(({ at, cause }) => ({ at, cause }))
  const distinct = new Map(all.map((change) => [change.cause, change]))
  return [...distinct.values()].sort((a, b) => a.at - b.at)
}

function whyInputs({ inputs }: Known): readonly Reason[] {
  return inputs.flatMap(({ node, version, versionNow, state }): Reason[] => {
    if (!isProduct(node)) return []
    const name = keyOfProduct(node)
    if (state === 'failed') return [{ code: 'input-failed', text: `It reads ${name}, whose last refresh failed.` }]
    if (state === 'stale' || state === 'missing') {
      return [{ code: 'input-stale', text: `It reads ${name}, which is ${state}.` }]
    }
    if (versionNow === null || versionNow === version) return []
    const text = `It was computed from version ${version} of ${name}, which is at version ${versionNow} now.`
    return [{ code: 'input-newer', text }]
  })
}

function whyNotYet(known: Known): readonly Reason[] {
  const { entry, primer, now, fresh } = known
  const { row } = entry
  if (row?.lease) return [whyLeased(row.lease, now)]
  if (row?.failure && isResting(row.failure, known)) return [whyResting(row.failure, now)]
  if (row?.requested) return [whyRequested(row.requested, now)]
  if (fresh.state === 'missing') return []
  if (isIdle(primer, row, now)) {
    const text = `Nobody has read it for ${ago(now - (row?.readAt ?? now))} (idleAfter): the next read refreshes it.`
    return [{ code: 'idle', text }]
  }
  const text = 'No refresh is pending: the next read or the next sweep asks for one.'
  return [{ code: 'nobody-asked', text }]
}

function whyLeased(lease: { readonly since: number; readonly until: number }, now: number): Reason {
  if (now < lease.until) {
    const text = `It is being computed for ${ago(now - lease.since)}; the lease holds for another ${ago(lease.until - now)}.`
    return { code: 'computing', text }
  }
  const text =
    `A process took the lease ${ago(now - lease.since)} ago and never finished (killed, frozen or stuck); ` +
    'the next read or worker takes it over.'
  return { code: 'lease-expired', text }
}

function whyResting({ attempts, code, message, retryAt, at }: Failure, now: number): Reason {
  const failed = `It failed ${attempts} ${attempts === 1 ? 'time' : 'times'} in a row, last ${ago(now - at)} ago: ${code}: ${message}.`
  if (retryAt === null) {
    return { code: 'parked', text: `${failed} It is parked: mend the cause, then refresh it by hand.` }
  }
  const next = retryAt > now ? `is tried again in ${ago(retryAt - now)}` : 'is due to be tried again'
  return { code: 'backing-off', text: `${failed} It ${next}.` }
}

function isResting(failure: Failure, { primer }: Known): boolean {
  return failure.primerRevision === primer.revision
}

function whyRequested(
  { at, lane, cause }: { readonly at: number; readonly lane: string; readonly cause: string },
  now: number,
): Reason {
  const asked = `A refresh was asked for ${ago(now - at)} ago (${cause}, lane ${lane})`
  if (now - at < REQUEST_LOST_AFTER_MS) return { code: 'waiting', text: `${asked} and waits for a worker.` }
  const text =
    `${asked} and nobody took it up: the workers are behind or do not run, or the message is lost; ` +
    'the sweep asks again. See kck queue.'
  return { code: 'request-lost', text }
}
