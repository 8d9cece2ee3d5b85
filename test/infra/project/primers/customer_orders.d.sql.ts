import type { ParameterType } from '../../../../src/key/parameter.ts'
import type { Primer } from '../../../../src/primer/definition.ts'

declare const customerOrders: Primer<
  { readonly customer_id: ParameterType<number> },
  readonly { readonly id: number; readonly amount: number }[]
>
export default customerOrders
