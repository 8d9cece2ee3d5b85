// biome-ignore-all lint/suspicious/noConsole: a command that prints what it found.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { SCENARIOS } from './scenarios.ts'
import { type Broken, beyondLimits, simulate } from './simulate.ts'
import { simulateInSlices } from './slices.ts'

/**
 * `npm run simulate -- --seeds 100000 --seed 1 --scenario storm,near`: runs one schedule per seed from `--seed` on, prints
 * what broke and what the runs were like. Replay one with its seed, its scenario, `--seeds 1` and `--trace`.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    scenario: { type: 'string', default: Object.keys(SCENARIOS).join(',') },
    /** Stop after so many schedules that broke something. */
    failures: { type: 'string', default: '20' },
    /** Begin no other schedule after so many minutes. */
    minutes: { type: 'string', default: 'Infinity' },
    /** Slices at a time, each in a thread of its own. */
    threads: { type: 'string', default: String(availableParallelism()) },
    /** Print everything that happens. */
    trace: { type: 'boolean', default: false },
    /** Print the result only, as JSON. */
    json: { type: 'boolean', default: false },
  },
})

const startedAt = performance.now()
const onBroken = ({ seed, scenario, violations }: Broken) => {
  if (values.json) return
  console.log(`seed ${seed} (${scenario})`)
  for (const violation of violations.slice(0, 8)) console.log(`  ${violation}`)
}
const task = {
  seed: Number(values.seed),
  seeds: Number(values.seeds),
  scenarios: values.scenario.split(','),
  failures: Number(values.failures),
  onBroken,
}
const simulated = values.trace
  ? await simulate({ ...task, trace: (line) => console.log(line) })
  : await simulateInSlices({
      ...task,
      until: Date.now() + Number(values.minutes) * 60_000,
      threads: Number(values.threads),
    })
const seconds = (performance.now() - startedAt) / 1_000
const { user, system } = process.cpuUsage()
const slow = beyondLimits(simulated)

if (values.json) {
  console.log(JSON.stringify({ ...simulated, slow, seconds }))
} else {
  const { schedules, broken, figures } = simulated
  const perSecond = (schedules / seconds).toFixed(0)
  const perCore = (schedules / ((user + system) / 1_000_000)).toFixed(0)
  console.log(
    `${schedules} schedules from seed ${values.seed}, ${broken.length} broken; ${perSecond} per second, ${perCore} per second of processor time`,
  )
  console.table(
    Object.fromEntries(Object.entries(figures).map(([name, { lagMs, ...rest }]) => [name, { ...rest, ...lagMs }])),
  )
  for (const text of slow) console.log(text)
}
process.exitCode = simulated.broken.length + slow.length > 0 ? 1 : 0
