// biome-ignore-all lint/suspicious/noConsole: a command that prints what it found.
import { parseArgs } from 'node:util'
import { Figures } from './figures.ts'
import { runSchedule } from './run.ts'
import { SCENARIOS } from './scenarios.ts'

/**
 * `node test/simulation/long.ts --seeds 100000 --seed 1 --scenario storm`: runs one schedule per seed from `--seed` on,
 * prints what broke and what the runs were like. `--seeds 1` replays one.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    scenario: { type: 'string', default: 'all' },
    /** Stop after so many schedules that broke something. */
    failures: { type: 'string', default: '20' },
    /** Print everything that happens. */
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const names = values.scenario === 'all' ? Object.keys(SCENARIOS) : values.scenario.split(',')
const first = Number(values.seed)
const startedAt = performance.now()
const totals = new Map(names.map((name) => [name, new Figures()]))
const broken: { readonly seed: number; readonly scenario: string; readonly violations: readonly string[] }[] = []
let schedules = 0

for (let seed = first; seed < first + Number(values.seeds) && broken.length < Number(values.failures); seed++) {
  // One scenario per seed, each as often as the others.
  const name = names[seed % names.length] as string
  const scenario = SCENARIOS[name]
  if (!scenario) throw new Error(`There is no scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}`)
  const { violations, figures } = await runSchedule(
    seed,
    scenario,
    values.trace ? (line) => console.log(line) : undefined,
  )
  // Weak references are let go between two turns of the event loop only.
  await new Promise((resolve) => setImmediate(resolve))
  totals.get(name)?.add(figures)
  schedules += 1
  if (violations.length === 0) continue
  broken.push({ seed, scenario: name, violations })
  if (values.json) continue
  console.log(`seed ${seed} (${name})`)
  for (const violation of violations.slice(0, 8)) console.log(`  ${violation}`)
}

const { user, system } = process.cpuUsage()
const cpuSeconds = (user + system) / 1_000_000
const seconds = (performance.now() - startedAt) / 1_000
const figures = Object.fromEntries([...totals].map(([name, total]) => [name, total.summary()]))
if (values.json) {
  console.log(JSON.stringify({ schedules, seconds, broken, figures }))
} else {
  console.log(
    `${schedules} schedules from seed ${first}, ${broken.length} broken, ${(schedules / seconds).toFixed(0)} per second, ${(schedules / cpuSeconds).toFixed(0)} per second of one core`,
  )
  console.table(
    Object.fromEntries(Object.entries(figures).map(([name, { lagMs, ...rest }]) => [name, { ...rest, ...lagMs }])),
  )
}
process.exitCode = broken.length > 0 ? 1 : 0
