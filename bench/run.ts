import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Benchmark } from './support/benchmark.ts'
import { Cleanup } from './support/cleanup.ts'
import { describeMachine, formatMachine } from './support/machine.ts'
import { formatTable } from './support/table.ts'

const benchmarks: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  'fetch-hit': () => import('./fetch-hit.ts'),
  herd: () => import('./herd.ts'),
  prime: () => import('./prime.ts'),
  update: () => import('./update.ts'),
  pressure: () => import('./pressure.ts'),
  propagate: () => import('./propagate.ts'),
  drain: () => import('./drain.ts'),
  augment: () => import('./augment.ts'),
  choose: () => import('./choose.ts'),
  codec: () => import('./codec.ts'),
  profile: () => import('./profile.ts'),
  'cold-start': () => import('./cold-start.ts'),
  replica: () => import('./replica.ts'),
}

const usage = `npm run bench -- NAME [--json FILE] [--seconds N] [--rounds N] [--most N]

  fetch-hit  requests per second for what is cached, beside other ways to answer the same
  herd       what many clients that miss one key at once cost the database
  prime      misses per second
  update     writes per second, with one product that depends on them
  pressure   what a database of one core serves, alone and behind KCK
  propagate  what one change costs until everything below it is dirty, and fresh again
  drain      refresh requests per second, from a short queue and from a long one
  augment    a fresh value made from the last one and what changed, beside a recompute
  choose     in which order refreshes serve their readers best, simulated (CHOOSE_SEED, CHOOSE_TRACE: a recording)
  codec      what encoding and decoding a body costs
  profile    where the time of a hit goes
  cold-start from the start of a function to its first answer
  replica    reads, writes and a new machine with a replica, beside other ways to have values near

  --json FILE   write every single measurement there
  --seconds N   of each measurement (default 3)
  --rounds N    repetitions, of which the medians are shown (default 3)
  --most N      products at most, of propagate, drain and replica (default 100000)
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    most: { type: 'string' },
  },
})
const [name = ''] = positionals
const load = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined
const seconds = Number(values.seconds ?? 3)
const rounds = Number(values.rounds ?? 3)
const most = Number(values.most ?? 100_000)
if (load && seconds > 0 && seconds <= 600 && Number.isInteger(rounds) && rounds > 0 && rounds <= 20 && most >= 10) {
  await run(load)
} else {
  process.stderr.write(usage)
  process.exitCode = 1
}

async function run(load: () => Promise<{ benchmark: Benchmark }>): Promise<void> {
  const cleanup = new Cleanup()
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => void cleanup.run().then(() => process.exit(code)))
  }
  const say = (message: string) => void process.stderr.write(`${message}\n`)
  try {
    const { benchmark } = await load()
    const machine = await describeMachine()
    const { tables, notes, samples } = await benchmark({ seconds, rounds, most, cleanup, say })
    const parts = [formatMachine(machine), ...tables.map(formatTable), ...notes.map((note) => `- ${note}`)]
    process.stdout.write(`${parts.join('\n\n')}\n`)
    if (values.json !== undefined) {
      const report = { benchmark: name, machine, seconds, rounds, most, tables, notes, samples }
      writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
    }
  } finally {
    await cleanup.run()
  }
}
