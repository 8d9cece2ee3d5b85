// Written by "kck types" from maintainer_packages.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const maintainerPackages: Primer<{
  readonly maintainer_id: ParameterType<number>
}, readonly {
  readonly name: string
  readonly version: string
  readonly section: string
  readonly installed_kib: number
}[]>
export default maintainerPackages
