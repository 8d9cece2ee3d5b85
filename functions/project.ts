import type { LoadedProject } from '../src/local/runtime.ts'

export interface BundledProject extends LoadedProject {
  /** What `kck.config.ts` exports. */
  readonly settings: unknown
}

/**
 * The project of a function. When functions are bundled (`infra/bundle.ts`), this module gives way to one that holds the
 * project's own files; here there is none, and it is read from the function's folder.
 */
export const project: BundledProject | null = null
