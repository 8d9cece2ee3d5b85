import { fileURLToPath } from 'node:url'
import type { KckConfig } from '../../src/config/config.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { createRuntime } from '../../src/local/runtime.ts'
import { startServer } from '../../src/local/server.ts'
import { startWorking } from '../../src/local/working.ts'
import { announce, options } from './child.ts'

export type KckOptions = Pick<KckConfig, 'store' | 'sources' | 'nearCache'> & {
  /** It refreshes and applies cached writes, too. */
  readonly working?: boolean
}

/**
 * What `kck serve` runs, without its request log: the comparators write none either. The folders have the names that the
 * original KCK insists on, so that both read the same files.
 */
const { working = false, ...given } = options<KckOptions>()
const settings = { ...given, primers: 'kprimers', updaters: 'kupdaters' }
const config = resolveConfig(settings, {
  folder: fileURLToPath(new URL('../data', import.meta.url)),
  environment: {},
})
const runtime = await createRuntime(config)
const { kck, edge, clock } = runtime
const server = await startServer({ edge, kck, clock, port: 0 })
const work = working ? await startWorking(runtime) : null
announce(server.port, async () => {
  await server.close()
  await work?.stop()
  await kck.close()
})
