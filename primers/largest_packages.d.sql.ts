// Written by "kck types" from largest_packages.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const largestPackages: Primer<{
  readonly by: ParameterType<"installed" | "download">
  readonly libraries: ParameterType<boolean>
  readonly count: ParameterType<number>
}, readonly {
  readonly name: string
  readonly section: string
  readonly installed_kib: number
  readonly size_bytes: number | string
}[]>
export default largestPackages
