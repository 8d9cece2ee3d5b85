import { fileURLToPath } from 'node:url'
import type { KckConfig } from '../../src/config/config.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { createRuntime } from '../../src/local/runtime.ts'
import { startServer } from '../../src/local/server.ts'
import { announce, options } from './child.ts'

export type KckOptions = Pick<KckConfig, 'store' | 'sources' | 'nearCache'>

/**
 * What `kck serve` runs, without its request log: the comparators write none either. The folders have the names that the
 * original KCK insists on, so that both read the same files.
 */
const settings = { ...options<KckOptions>(), primers: 'kprimers', updaters: 'kupdaters' }
const config = resolveConfig(settings, {
  folder: fileURLToPath(new URL('../data', import.meta.url)),
  environment: {},
})
const { kck, edge, clock } = await createRuntime(config)
const server = await startServer({ edge, kck, clock, port: 0 })
announce(server.port, async () => {
  await server.close()
  await kck.close()
})
