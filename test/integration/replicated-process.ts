import { resolveConfig } from '../../src/config/resolve.ts'
import { createRuntime } from '../../src/local/runtime.ts'

/** What the test asks of a machine; `config` is what its `kck.config.ts` would export. */
export type Question =
  | { readonly ask: 'fetch'; readonly keys: readonly string[] }
  | { readonly ask: 'set'; readonly keys: readonly string[]; readonly value: number }
  | { readonly ask: 'invalidate'; readonly keys: readonly string[] }

export interface Answered {
  readonly from: string
  readonly state: string
  readonly version: number
  readonly value: unknown
}

const { folder, config } = JSON.parse(process.argv[2] ?? '')
const { kck, close } = await createRuntime(resolveConfig(config, { folder, environment: {} }))

async function answer(question: Question): Promise<readonly Answered[]> {
  const { ask, keys } = question
  if (ask === 'set') for (const key of keys) await kck.set(key, question.value)
  if (ask === 'invalidate') for (const key of keys) await kck.invalidate(key)
  if (ask !== 'fetch') return []
  return Promise.all(
    keys.map(async (key) => {
      const fetched = await kck.fetch(key)
      return { from: fetched.from, state: fetched.state, version: fetched.version, value: await kck.get(key) }
    }),
  )
}

process.on('message', (question: Question) => {
  answer(question).then(
    (answered) => process.send?.(answered),
    (error) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => void close())
process.send?.('ready')
