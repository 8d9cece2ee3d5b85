import type { Command } from 'commander'
import type { Io } from './io.ts'
import { durationArgument } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'
import type { System } from './system/system.ts'

interface BenchOptions extends SystemOptions {
  readonly for: number
  readonly concurrency: string
}

/** What came of the fetches; times in milliseconds. */
interface Measured {
  readonly fetches: number
  readonly failed: number
  readonly seconds: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** How many answers came from where. */
  readonly from: Readonly<Record<string, number>>
}

export function addBench(program: Command, io: Io): void {
  systemCommand(program, 'bench <keys...>', 'fetch products again and again, and say how fast they come')
    .option('--for <duration>', 'how long', durationArgument, 5_000)
    .option('--concurrency <number>', 'fetches under way at once', '8')
    .addHelpText('after', '\nWithout --url it measures the system inside this process, without HTTP.')
    .action((keys: string[], options: BenchOptions) =>
      withSystem(options, io, async (system) => {
        const measured = await measure(system, keys, { ms: options.for, concurrency: Number(options.concurrency) })
        if (options.json) return io.out(JSON.stringify(measured))
        const { fetches, failed, seconds, perSecond, p50, p99, from } = measured
        io.out(`${fetches} fetches in ${seconds.toFixed(1)} s: ${Math.round(perSecond)} per second, ${failed} failed`)
        io.out(`half within ${p50.toFixed(2)} ms, 99% within ${p99.toFixed(2)} ms`)
        for (const [tier, count] of Object.entries(from)) io.out(`  ${count} from ${tier}`)
      }),
    )
}

async function measure(
  system: System,
  keys: readonly string[],
  { ms, concurrency }: { readonly ms: number; readonly concurrency: number },
): Promise<Measured> {
  const times: number[] = []
  const from: Record<string, number> = {}
  let failed = 0
  let next = 0
  const began = performance.now()
  const fetchOn = async () => {
    while (performance.now() - began < ms) {
      const key = keys[next++ % keys.length] ?? ''
      const start = performance.now()
      const fetched = await system.fetch(key).catch(() => null)
      times.push(performance.now() - start)
      if (fetched === null) failed += 1
      else from[fetched.from] = (from[fetched.from] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, fetchOn))
  const seconds = (performance.now() - began) / 1_000
  const sorted = times.sort((a, b) => a - b)
  const percentile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  const fetches = sorted.length
  return { fetches, failed, seconds, perSecond: fetches / seconds, p50: percentile(0.5), p99: percentile(0.99), from }
}
