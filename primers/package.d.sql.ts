// Written by "kck types" from package.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const _package: Primer<{
  readonly name: ParameterType<string>
}, {
  readonly name: string
  readonly version: string
  readonly section: string
  readonly maintainer_id: number
  readonly source: string
  readonly installed_kib: number
  readonly size_bytes: number | string
  readonly updated_at: string | null
} | null>
export default _package
