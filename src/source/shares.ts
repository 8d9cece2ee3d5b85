/** How many statements may run at once, and how many starts may be less than a second old. */
export type Amounts = readonly [running: number, starts: number]

/** One process in the register of a source's budget. All times are by its own clock. */
export interface Holder {
  readonly id: string
  /** When it wrote this. */
  readonly at: number
  /** Nothing that it started with these permits goes on after this moment. */
  readonly until: number
  readonly has: Amounts
  /** What it could use now, at least what it uses. */
  readonly wants: Amounts
}

/** What one process asks of the register. */
export interface Ask {
  readonly id: string
  readonly now: number
  /** How long its lease has to last when it has this. */
  readonly leaseFor: (has: Amounts) => number
  readonly sizes: Amounts
  readonly uses: Amounts
  readonly wants: Amounts
  /** It has had its turn: where others wait in vain, it goes to the end of the line. */
  readonly isTurnOver: boolean
  /** By how much two clocks may differ. */
  readonly skewMs: number
  /** A wish that is not repeated for this long counts no more: the process may be dead while its permits are still leased. */
  readonly wishMs: number
}

export interface Settled {
  /** In the order of the line. */
  readonly holders: readonly Holder[]
  /** What the asking process is in there now; null: it is not, and has nothing. */
  readonly mine: Holder | null
  /** What it may use in the long run, more or less than it has now. */
  readonly shares: Amounts
  readonly hasMoved: boolean
  /** Other processes that want more than they have. */
  readonly hungry: number
  /** Those of them that stand before it in the line. */
  readonly ahead: number
}

/** So many fit into a register of 64 KiB. Any more try again later. */
const MOST_HOLDERS = 500

export const NOTHING: Amounts = [0, 0]
const both = (of: (resource: 0 | 1) => number): Amounts => [of(0), of(1)]
export const isSame = (one: Amounts, other: Amounts): boolean => one[0] === other[0] && one[1] === other[1]

/**
 * The register as it is after one process has asked. Everybody's share follows from what all want: equal parts, and
 * what one does not want is the others'; what cannot be divided goes to those who stand first in the line. A process
 * takes up to its share of what is free, and gives back what is above its share and not in use. Never is more taken than
 * was free, whatever the shares are.
 */
export function settle(before: readonly Holder[], ask: Ask): Settled {
  const alive = before.filter((holder) => holder.id === ask.id || holder.until + ask.skewMs > ask.now)
  const known = alive.find((holder) => holder.id === ask.id)
  const asking: Holder = { id: ask.id, at: ask.now, until: 0, has: known?.has ?? NOTHING, wants: ask.wants }
  const inPlace = known ? alive.map((holder) => (holder === known ? asking : holder)) : [...alive, asking]
  const hungry = hungryOthers(alive, ask)
  if (inPlace.length > MOST_HOLDERS)
    return { holders: alive, mine: null, shares: NOTHING, hasMoved: false, hungry, ahead: hungry }

  const hasMoved = ask.isTurnOver && makesOthersWait(asking, inPlace, ask)
  const line = hasMoved ? [...inPlace.filter((holder) => holder !== asking), asking] : inPlace
  const shares = sharesOf(line, ask).get(asking) ?? NOTHING
  const has = both((resource) => {
    const had = asking.has[resource]
    if (had > shares[resource]) return Math.min(had, Math.max(shares[resource], ask.uses[resource]))
    const taken = line.reduce((sum, holder) => sum + holder.has[resource], 0)
    return had + Math.max(0, Math.min(ask.sizes[resource] - taken, shares[resource] - had))
  })
  const isGone = isSame(has, NOTHING) && isSame(ask.wants, NOTHING)
  const mine = isGone ? null : { ...asking, until: ask.leaseFor(has), has }
  const holders = line.flatMap((holder) => (holder === asking ? (mine ?? []) : holder))
  const ahead = hungryOthers(line.slice(0, line.indexOf(asking)), ask)
  return { holders, mine, shares, hasMoved, hungry, ahead }
}

export function isHungry(has: Amounts, wants: Amounts): boolean {
  return wants[0] > has[0] || wants[1] > has[1]
}

/** How many other processes want more than they have. */
export function hungryOthers(holders: readonly Holder[], ask: Pick<Ask, 'id' | WishTerms>): number {
  return holders.filter((holder) => holder.id !== ask.id && isHungry(holder.has, claimOf(holder, ask))).length
}

type WishTerms = 'now' | 'skewMs' | 'wishMs'

function claimOf(holder: Holder, { now, skewMs, wishMs }: Pick<Ask, WishTerms>): Amounts {
  return holder.at + wishMs + skewMs > now ? holder.wants : holder.has
}

function sharesOf(line: readonly Holder[], ask: Ask): ReadonlyMap<Holder, Amounts> {
  const claims = line.map((holder) => claimOf(holder, ask))
  const running = shareOut(
    ask.sizes[0],
    claims.map(([running]) => running),
  )
  const starts = shareOut(
    ask.sizes[1],
    claims.map(([, starts]) => starts),
  )
  return new Map(line.map((holder, place) => [holder, [running[place] ?? 0, starts[place] ?? 0] as const]))
}

/** Equal parts of `size`, nobody more than it wants; the first ones get what is left over. */
function shareOut(size: number, wants: readonly number[]): readonly number[] {
  const shares = wants.map(() => 0)
  let left = size
  let open = [...wants.keys()]
  while (left > 0 && open.length > 0) {
    const part = Math.max(1, Math.floor(left / open.length))
    open = open.filter((place) => {
      const share = shares[place] ?? 0
      const want = wants[place] ?? 0
      const more = Math.min(part, want - share, left)
      shares[place] = share + more
      left -= more
      return share + more < want
    })
  }
  return shares
}

/** Whether somebody has no share at all of something of which this process has one. */
function makesOthersWait(asking: Holder, line: readonly Holder[], ask: Ask): boolean {
  const shares = sharesOf(line, ask)
  const own = shares.get(asking) ?? NOTHING
  return line.some((holder) => {
    const claims = claimOf(holder, ask)
    const share = shares.get(holder) ?? NOTHING
    return ([0, 1] as const).some((resource) => claims[resource] > 0 && share[resource] === 0 && own[resource] > 0)
  })
}
