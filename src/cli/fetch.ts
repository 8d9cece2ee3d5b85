import type { Command } from 'commander'
import type { Io } from './io.ts'
import { durationArgument, forEachKey } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'
import type { FetchDirectives } from './system/system.ts'

interface FetchOptions extends SystemOptions {
  readonly maxAge?: number
  readonly maxStale?: number
  readonly onlyIfCached?: boolean
  readonly cache: boolean
}

export function addFetch(program: Command, io: Io): void {
  systemCommand(program, 'fetch <keys...>', 'print products, computing what is missing')
    .option('--max-age <duration>', 'accept nothing older', ageArgument)
    .option('--max-stale <duration>', 'accept what has been stale for that long; 0: nothing stale', ageArgument)
    .option('--only-if-cached', 'compute nothing')
    .option('--no-cache', 'compute anew')
    .addHelpText('after', '\nExamples:\n  kck fetch package/curl\n  kck fetch --json package/curl package/bash')
    .action((keys: string[], options: FetchOptions) =>
      withSystem(options, io, (system) =>
        forEachKey(keys, options, io, async (name) => {
          const fetched = await system.fetch(name, requestOf(options))
          const { key, value, state, from, ageMs, version } = fetched
          if (!options.json) io.err(`${key}: ${state}, from ${from}, ${ageMs} ms old, version ${version}`)
          return { text: JSON.stringify(value, null, 2), json: fetched }
        }),
      ),
    )
}

function requestOf({ maxAge, maxStale, onlyIfCached, cache }: FetchOptions): FetchDirectives {
  return {
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }),
    ...(maxStale === undefined ? {} : { maxStaleMs: maxStale }),
    ...(onlyIfCached ? { onlyIfCached } : {}),
    ...(cache ? {} : { noCache: true }),
  }
}

const ageArgument = (text: string) => (text === '0' ? 0 : durationArgument(text))
