import type { ResolvedConfig } from '../config/resolved.ts'
import { createRegistry } from '../primer/create-registry.ts'
import type { Definitions } from '../primer/load.ts'
import type { Registry } from '../primer/registry.ts'
import { checkNeeds } from './check-needs.ts'

/**
 * The primers and updaters of a project, checked against each other and against its settings. Default for `bundled`:
 * what is in the project's folders.
 */
export async function loadRegistry(config: ResolvedConfig, bundled?: Definitions): Promise<Registry> {
  const registry = createRegistry(bundled ?? (await definitionsOf(config)))
  checkNeeds(registry, config)
  return registry
}

async function definitionsOf({ primers, updaters }: ResolvedConfig): Promise<Definitions> {
  const { loadDefinitions } = await import('../primer/load.ts')
  return loadDefinitions(primers, updaters === null ? {} : { updatersFolder: updaters })
}
