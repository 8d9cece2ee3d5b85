import type { Lineage } from '../ports/lineage.ts'
import type { Registry } from '../primer/registry.ts'
import { columnsPicked } from '../refresh/tables.ts'
import { usageOf } from '../sql/usage.ts'

/**
 * The columns by which products pick rows of a table: those of `.sql` primers and updaters from their text, those of code
 * as far as it has run. A column that is missed costs precision, never a change.
 */
export async function columnsOfInterest(
  { registry, lineage }: { readonly registry: Registry; readonly lineage: Lineage },
  source: string,
  table: string,
): Promise<readonly string[]> {
  const own = table.slice(table.lastIndexOf('.') + 1)
  const written = [...registry.primers.values()].flatMap((primer) => {
    if (primer.statement === null || (primer.source ?? source) !== source) return []
    const reads = usageOf(primer.statement).reads.filter((read) => read.table === own)
    return reads.flatMap((read) => Object.keys(read.equals))
  })
  return [...new Set([...written, ...(await columnsPicked(lineage, source, table))])]
}
