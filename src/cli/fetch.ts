import type { Command } from 'commander'
import type { FetchRequest } from '../kck/kck.ts'
import type { Io } from './io.ts'
import { type CommonOptions, durationArgument, forEachKey, subcommand, withRuntime } from './subcommand.ts'

interface FetchOptions extends CommonOptions {
  readonly maxAge?: number
  readonly maxStale?: number
  readonly onlyIfCached?: boolean
  readonly cache: boolean
}

export function addFetch(program: Command, io: Io): void {
  subcommand(program, 'fetch <keys...>', 'print products, computing what is missing')
    .option('--max-age <duration>', 'accept nothing older', durationArgument)
    .option('--max-stale <duration>', 'accept what has been stale for that long', durationArgument)
    .option('--only-if-cached', 'compute nothing')
    .option('--no-cache', 'compute anew')
    .addHelpText('after', '\nExamples:\n  kck fetch package/curl\n  kck fetch --json package/curl package/bash')
    .action((keys: string[], options: FetchOptions) =>
      withRuntime(options, io, ({ kck, clock }) =>
        forEachKey(keys, options, io, async (key) => {
          const fetched = await kck.fetch(key, requestOf(options))
          const body = JSON.parse(Buffer.from(await fetched.body.bytes('identity')).toString())
          const { state, from } = fetched
          const ageMs = Math.max(0, clock.now() - fetched.asOf)
          if (!options.json)
            io.err(`${fetched.key}: ${state}, from ${from}, ${ageMs} ms old, version ${fetched.version}`)
          return { text: JSON.stringify(body.value, null, 2), json: { ...body, state, from, ageMs } }
        }),
      ),
    )
}

function requestOf({ maxAge, maxStale, onlyIfCached, cache }: FetchOptions): FetchRequest {
  return {
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }),
    ...(maxStale === undefined ? {} : { maxStaleMs: maxStale }),
    ...(onlyIfCached ? { onlyIfCached } : {}),
    ...(cache ? {} : { noCache: true }),
  }
}
