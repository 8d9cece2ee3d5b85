// Written by "kck types" from blast_radius.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const blastRadius: Primer<{
  readonly maintainer_id: ParameterType<number>
}, readonly {
  readonly name: string | null
  readonly dependents: number
}[]>
export default blastRadius
