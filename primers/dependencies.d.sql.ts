// Written by "kck types" from dependencies.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const dependencies: Primer<{
  readonly name: ParameterType<string>
}, readonly {
  readonly name: string
  readonly version: string | null
}[]>
export default dependencies
