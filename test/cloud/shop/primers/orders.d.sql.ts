// Written by `kck types`.
import type { ParameterType, Primer } from 'kck'

declare const primer: Primer<
  { readonly customer: ParameterType<number> },
  readonly { readonly id: number; readonly amount: string }[]
>
export default primer
