/**
 * What a deployment costs in a month, as far as a model can say: `node scripts/cost.ts [setting=value ...]`, such as
 * `node scripts/cost.ts keysPerRequest=10 accessLog=0`. The tables of docs/cost.md are its output.
 */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

type Prices = typeof import('./prices.json')

const prices: Prices = JSON.parse(readFileSync(new URL('./prices.json', import.meta.url), 'utf8'))

/** All of one month. Shares are between 0 and 1. */
export interface Usage {
  /** Values that readers get. */
  readonly fetches: number
  /** Values of one HTTP request (`POST /fetch`). */
  readonly keysPerRequest: number
  /** Kilobytes of a stored and sent body. */
  readonly bodyKb: number
  /** Of the fetches, those that the near cache of a function answers. */
  readonly nearCache: number
  /** Computes for each fetch: misses and refreshes. */
  readonly computes: number
  /** Milliseconds that a request is billed. */
  readonly requestMs: number
  /** Milliseconds that a compute is billed; the source works for as long. */
  readonly computeMs: number
  /** Gigabytes of memory of a function. */
  readonly memoryGb: number
  /** Gigabytes in the store, and in the databases. */
  readonly storedGb: number
  readonly databaseGb: number
  /** Of the hours, those in which the database is awake at all. */
  readonly awake: number
  /** Kilobytes of log for a request: the API's line, and KCK's own. */
  readonly accessLog: number
  readonly ownLog: number
  /** Of the requests, those that are traced. */
  readonly traced: number
}

export const usual: Omit<Usage, 'fetches'> = {
  keysPerRequest: 1,
  bodyKb: 4,
  nearCache: 0,
  computes: 0.02,
  requestMs: 15,
  computeMs: 50,
  memoryGb: 1,
  storedGb: 10,
  databaseGb: 20,
  awake: 1,
  accessLog: 0.4,
  ownLog: 0.3,
  traced: 0.05,
}

/**
 * Writes of the store for one compute beside the body, each of a unit: take the lease, note what is owed, cross it out,
 * two edges, publish. Reads: the row twice, marks and edges, at LOCAL_QUORUM. Counted in the code, not on a bill.
 */
const WRITES = 6
const READS = 4
/** A message is sent, received and deleted, in batches; a third of the calls that it would be alone. */
const CALLS_PER_MESSAGE = 1
const HOURS = 730
/** Capacity units of Aurora that one busy core is. */
const ACU_PER_CORE = 4
const SMALLEST_ACU = 0.5
const FIXED = { metrics: 20, alarms: 12, secrets: 3, ticks: 43_800 }
const KB_PER_GB = 1_048_576

export type Bill = Readonly<
  Record<'API' | 'Lambda' | 'Keyspaces' | 'Aurora' | 'egress' | 'logs' | 'SQS' | 'watching', number>
>

/** Dollars by what they are for. */
export function billOf(usage: Usage): Bill {
  const requests = usage.fetches / usage.keysPerRequest
  const computes = usage.fetches * usage.computes
  const { keyspaces, lambda, aurora, cloudWatch } = prices
  const gbSeconds = ((requests * usage.requestMs + computes * usage.computeMs) / 1_000) * usage.memoryGb
  const reads = usage.fetches * (1 - usage.nearCache) * 0.5 * Math.ceil(usage.bodyKb / 4) + computes * READS
  const writes = computes * (WRITES + usage.bodyKb)
  const busyCores = (computes * usage.computeMs) / 1_000 / 3_600 / HOURS
  const acu = Math.max(SMALLEST_ACU, busyCores * ACU_PER_CORE)
  const logGb = (requests * (usage.accessLog + usage.ownLog)) / KB_PER_GB
  return {
    API: tiered(
      requests,
      prices.httpApi.map(({ upTo, request }) => ({ upTo, price: request })),
    ),
    Lambda: gbSeconds * lambda.gbSecond + (requests + computes / 5 + FIXED.ticks) * lambda.request,
    Keyspaces:
      reads * keyspaces.readUnits +
      writes * keyspaces.writeUnits +
      usage.storedGb * (keyspaces.gbMonth + keyspaces.restorableGbMonth),
    Aurora:
      acu * HOURS * usage.awake * aurora.acuHour +
      usage.databaseGb * aurora.gbMonth +
      computes * prices.dataApi.request,
    egress: tiered(
      (usage.fetches * usage.bodyKb) / KB_PER_GB,
      prices.egress.map(({ upToGb, gb }) => ({ upTo: upToGb, price: gb })),
    ),
    logs: logGb * cloudWatch.logGb + requests * usage.traced * prices.xray.trace,
    SQS: computes * CALLS_PER_MESSAGE * prices.sqs.request,
    watching:
      FIXED.metrics * cloudWatch.metricMonth +
      FIXED.alarms * cloudWatch.alarmMonth +
      cloudWatch.dashboardMonth +
      FIXED.secrets * prices.secrets.month,
  }
}

function tiered(amount: number, tiers: readonly { readonly upTo: number | null; readonly price: number }[]): number {
  let from = 0
  let sum = 0
  for (const { upTo, price } of tiers) {
    const until = Math.min(amount, upTo ?? Number.POSITIVE_INFINITY)
    sum += Math.max(0, until - from) * price
    from = until
  }
  return sum
}

export const totalOf = (bill: Bill): number => Object.values(bill).reduce((sum, part) => sum + part, 0)

const SIZES = [
  ['1 M', 1e6, { awake: 0.3 }],
  ['100 M', 1e8, {}],
  ['10 G', 1e10, {}],
] as const

/** What can be set, and what it changes. */
const LEVERS: readonly (readonly [string, Partial<Usage>])[] = [
  ['as above', {}],
  ['ten keys in a request (`POST /fetch`)', { keysPerRequest: 10, requestMs: 30 }],
  ['no access log, own log of errors only', { accessLog: 0, ownLog: 0.01 }],
  ['`nearCache` answers 80 %, in 5 ms', { nearCache: 0.8, requestMs: 7 }],
  ['half a gigabyte of memory', { memoryGb: 0.5, requestMs: 22 }],
  ['no tracing', { traced: 0 }],
  ['refreshes for 0.2 % of the fetches (longer TTLs)', { computes: 0.002 }],
  ['bodies of 1 KB', { bodyKb: 1 }],
]

const dollars = (amount: number) => (amount < 100 ? amount.toFixed(2) : Math.round(amount).toLocaleString('en-US'))

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

/** The tables as Markdown. */
export function tables(over: Partial<Usage> = {}): string {
  const bills = SIZES.map(([, fetches, more]) => billOf({ ...usual, ...more, ...over, fetches }))
  const parts = Object.keys(bills[0] ?? {}) as (keyof Bill)[]
  const head = (first: string) => [
    row([first, ...SIZES.map(([name]) => name)]),
    `|---|${SIZES.map(() => '--:|').join('')}`,
  ]
  return [
    ...head('fetches a month'),
    ...parts.map((part) => row([part, ...bills.map((bill) => dollars(bill[part]))])),
    row(['**all**', ...bills.map((bill) => `**${dollars(totalOf(bill))}**`)]),
    '',
    ...head('with'),
    ...LEVERS.map(([name, lever]) =>
      row([
        name,
        ...SIZES.map(([, fetches, more]) =>
          dollars(totalOf(billOf({ ...usual, ...more, ...over, ...lever, fetches }))),
        ),
      ]),
    ),
  ].join('\n')
}

function settingsOf(args: readonly string[]): Partial<Usage> {
  const entries = args.map((arg): [string, number] => {
    const [name = '', value = ''] = arg.split('=')
    if (!(name in usual) || !Number.isFinite(Number(value)) || value === '') {
      throw new Error(`"${arg}" is no setting; there is ${Object.keys(usual).join('=, ')}=`)
    }
    return [name, Number(value)]
  })
  return Object.fromEntries(entries)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.write(`${tables(settingsOf(process.argv.slice(2)))}\n`)
}
