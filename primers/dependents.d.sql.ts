// Written by "kck types" from dependents.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const dependents: Primer<{
  readonly name: ParameterType<string>
}, readonly {
  readonly name: string
}[]>
export default dependents
