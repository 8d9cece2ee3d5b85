import type { ResolvedConfig } from '../config/resolved.ts'
import { createRegistry } from '../primer/create-registry.ts'
import { loadDefinitions } from '../primer/load.ts'
import type { Registry } from '../primer/registry.ts'
import { checkNeeds } from './check-needs.ts'

/** The primers and updaters of a project, checked against each other and against its settings. */
export async function loadRegistry(config: ResolvedConfig): Promise<Registry> {
  const { primers, updaters } = config
  const definitions = await loadDefinitions(primers, updaters === null ? {} : { updatersFolder: updaters })
  const registry = createRegistry(definitions)
  checkNeeds(registry, config)
  return registry
}
