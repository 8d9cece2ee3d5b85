import { CALM, type FaultPlan, STORMY } from '../../src/testing/fault-plan.ts'

/** What a schedule is made of. Chances and weights; times in virtual milliseconds. */
export interface Scenario {
  readonly faults: FaultPlan
  /** Clocks of processes differ by up to this in both directions. */
  readonly skewMs: number
  readonly operations: number
  /** In how much time they happen. */
  readonly withinMs: number
  readonly nearCacheMs: number
  readonly computeMs: readonly [number, number]
  /** Of a compute, that it takes longer than a lease that nobody renews. */
  readonly slowComputes: number
  readonly workers: number
  readonly sweep: boolean
  /** Readers wait for fresh values only, and so never ask for a refresh behind a stale one. */
  readonly quietReaders: boolean
  readonly kinds: Readonly<Record<OperationKind, number>>
  /** Milliseconds that a write may take. */
  readonly deadlineMs: number
  /** Who may be killed; missing: anybody. */
  readonly victims?: 'worker'
  /** Which of `FAMILIES`; missing: one drawn for each schedule. */
  readonly family?: string
}

export type OperationKind = 'read' | 'update' | 'tag' | 'hand' | 'drift' | 'crash' | 'failing'

const STORM: Scenario = {
  faults: STORMY,
  skewMs: 4_000,
  operations: 40,
  withinMs: 20_000,
  nearCacheMs: 0,
  computeMs: [5, 400],
  slowComputes: 0.02,
  workers: 2,
  sweep: true,
  quietReaders: false,
  deadlineMs: 10_000,
  kinds: { read: 22, update: 6, tag: 3, hand: 4, drift: 2, crash: 1, failing: 1 },
}

/** Each switches something off that hides the lack of something else. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  storm: STORM,
  /** Whose store does not answer serves what it remembers, however old: not here. */
  near: { ...STORM, faults: { ...STORMY, lostRequest: 0, lostAnswer: 0 }, nearCacheMs: 1_000 },
  /** Nothing fails: what is late or computed twice shows. */
  calm: {
    ...STORM,
    faults: CALM,
    skewMs: 0,
    slowComputes: 0,
    kinds: { ...STORM.kinds, crash: 0, failing: 0 },
  },
  /** No second chance: what the sweep would find stays lost. Nothing crashes, and no message is lost. */
  unswept: {
    ...STORM,
    faults: { ...STORMY, slow: 0, lostRequest: 0, lostAnswer: 0, messages: { ...STORMY.messages, lost: 0 } },
    sweep: false,
    quietReaders: true,
    kinds: { ...STORM.kinds, crash: 0, failing: 0 },
  },
  /** Sources that fail, clocks that agree. */
  failing: {
    ...STORM,
    faults: CALM,
    skewMs: 0,
    slowComputes: 0,
    withinMs: 60_000,
    family: 'age',
    kinds: { ...STORM.kinds, update: 1, crash: 0, failing: 4, drift: 6 },
  },
  /** Processes die all the time, and nobody asks twice. */
  crashing: {
    ...STORM,
    faults: { ...STORMY, latencyMs: [5, 150] },
    quietReaders: true,
    kinds: { ...STORM.kinds, update: 10, crash: 5 },
  },
  /** Only workers die, and no sweep looks for what they held. */
  orphaned: {
    ...STORM,
    faults: { ...CALM, latencyMs: [1, 50] },
    skewMs: 0,
    sweep: false,
    quietReaders: true,
    victims: 'worker',
    family: 'sides',
    kinds: { ...STORM.kinds, update: 10, crash: 6 },
  },
  /** What a product reads changes, commits fail, and what was removed is removed once more, later. */
  either: {
    ...STORM,
    faults: { ...STORMY, slow: 0, lostRequest: 0.01, lostAnswer: 0.005, repeated: 0.3 },
    skewMs: 0,
    family: 'either',
    withinMs: 40_000,
    operations: 60,
    kinds: { ...STORM.kinds, update: 10, hand: 6, tag: 6, crash: 1, failing: 0 },
  },
  /** What a product reads changes, and whoever computes it dies. */
  forsaken: {
    ...STORM,
    faults: { ...CALM, latencyMs: [1, 50] },
    skewMs: 0,
    family: 'either',
    withinMs: 40_000,
    victims: 'worker',
    quietReaders: true,
    kinds: { ...STORM.kinds, read: 12, update: 8, hand: 8, tag: 0, crash: 6, failing: 0 },
  },
  /** A change takes its time from product to product, and computes do not. */
  drawnOut: {
    ...STORM,
    faults: { ...CALM, latencyMs: [1, 100], slow: 0.1, slowMs: [500, 3_000] },
    skewMs: 0,
    computeMs: [1, 20],
    slowComputes: 0,
    sweep: false,
    quietReaders: true,
    deadlineMs: 120_000,
    family: 'sides',
    kinds: { ...STORM.kinds, read: 16, update: 8, crash: 0, failing: 0 },
  },
  /** The same where two ways of one length meet. */
  diamonds: {
    ...STORM,
    faults: { ...CALM, latencyMs: [1, 20], slow: 0.25, slowMs: [500, 3_000] },
    skewMs: 0,
    computeMs: [1, 20],
    slowComputes: 0,
    sweep: false,
    quietReaders: true,
    deadlineMs: 120_000,
    family: 'diamond',
    operations: 25,
    kinds: { ...STORM.kinds, read: 10, update: 8, crash: 0, failing: 0 },
  },
  /** The store answers slowly, and what it said is remembered. */
  slowNear: {
    ...STORM,
    faults: { ...STORMY, slow: 0.15, lostRequest: 0, lostAnswer: 0 },
    nearCacheMs: 5_000,
  },
  /** Changes by hand whose answers get lost. */
  byHand: {
    ...STORM,
    faults: { ...STORMY, lostRequest: 0.005, lostAnswer: 0.015 },
    family: 'hand',
    kinds: { ...STORM.kinds, update: 2, hand: 16 },
  },
  /** Values that are made from those before and what was written since. */
  counted: {
    ...STORM,
    faults: { ...STORMY, lostRequest: 0.003, lostAnswer: 0.003, repeated: 0.2 },
    family: 'counted',
    kinds: { ...STORM.kinds, update: 16, hand: 0, tag: 0 },
  },
  /** A few keys, many changes, much at once. */
  crowd: {
    ...STORM,
    operations: 60,
    withinMs: 6_000,
    kinds: { read: 30, update: 12, tag: 4, hand: 10, drift: 1, crash: 0.5, failing: 0 },
  },
}
