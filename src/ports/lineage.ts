import type { CallOptions } from './entry-store.ts'

/**
 * Who read what. A *node* is text: `product/<key>`, `table/<source>.<schema>.<table>` (optionally `?column=value`),
 * `tag/<name>`, `remote/<name>`, `updater/<name>`, `primer/<name>` (every key of a primer hangs below it).
 * An edge says that the product `dependent` (a key) read `node`.
 */
export interface Lineage {
  /** Idempotent. Resolves when a later `dependents` sees all of them. */
  addEdges(dependent: string, nodes: readonly string[], options?: CallOptions): Promise<void>
  removeEdges(dependent: string, nodes: readonly string[], options?: CallOptions): Promise<void>
  /**
   * The keys below a node, a page at a time, in no order that means anything. Pass `next` back for the following
   * page; undefined means that was the last one. A key added or removed meanwhile may or may not be seen; any other is
   * seen exactly once.
   */
  dependents(
    node: string,
    page: { readonly limit: number; readonly after?: string },
    options?: CallOptions,
  ): Promise<DependentsPage>
}

export interface DependentsPage {
  readonly keys: readonly string[]
  readonly next?: string
}
