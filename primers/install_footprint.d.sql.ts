// Written by "kck types" from install_footprint.sql: change that, and run it again.
import type { ParameterType, Primer } from 'kck'

declare const installFootprint: Primer<{
  readonly name: ParameterType<string>
}, {
  readonly packages: number
  readonly installed_kib: number | string
  readonly download_bytes: number | string
}>
export default installFootprint
