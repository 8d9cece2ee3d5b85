import { randomBytes } from 'node:crypto'
import { int, primer } from 'kck'

/** So many MiB that compress to nearly nothing. */
export const smooth = primer({
  name: 'smooth',
  parameters: { mib: int() },
  compute: (_, { mib }) => 'kck '.repeat(mib * 2 ** 18),
})

/** So many MiB that hardly compress. */
export const rough = primer({
  name: 'rough',
  parameters: { mib: int() },
  compute: (_, { mib }) => randomBytes(mib * 0.75 * 2 ** 20).toString('base64'),
})
