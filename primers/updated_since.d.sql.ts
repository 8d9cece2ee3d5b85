// Written by "kck types" from updated_since.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const updatedSince: Primer<{
  readonly day: ParameterType<string>
}, readonly {
  readonly name: string
  readonly version: string
  readonly section: string
  readonly updated_at: string | null
}[]>
export default updatedSince
