import { KckError } from '../errors.ts'
import type { Answer } from '../fetch/answer.ts'
import type { Fetcher } from '../fetch/fetch.ts'
import type { FetchRequest } from '../kck/kck.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { Overlaid } from './overlaid.ts'

/** Reads of callers: what the fetcher answers, with what waits shown on it. Computes read without it. */
export interface Reads {
  fetch(product: ProductKey, request: FetchRequest): Promise<Answer>
  fetchMany(products: readonly ProductKey[], request: FetchRequest): Promise<readonly (Answer | KckError)[]>
  peek(key: string): Answer | null
}

export function createReads({
  fetcher,
  overlaid,
  registry,
}: {
  readonly fetcher: Fetcher
  readonly overlaid: Overlaid
  readonly registry: Registry
}): Reads {
  return {
    async fetch(product, request) {
      if (!overlaid.concerns(product.primer.name)) return fetcher.fetch(product, request)
      const lists = await overlaid.lists([product], request)
      return overlaid.apply(product, await fetcher.fetch(product, request), lists)
    },
    async fetchMany(products, request) {
      const lists = await overlaid.lists(products, request)
      const answers = await fetcher.fetchMany(products, request)
      if (lists.size === 0) return answers
      return Promise.all(
        answers.map((answer, index) =>
          answer instanceof KckError ? answer : overlaid.apply(products[index] as ProductKey, answer, lists),
        ),
      )
    },
    peek(key) {
      const name = key.split('/', 1)[0] ?? ''
      const answer = fetcher.peek(key, registry.primers.get(name)?.revision)
      return answer && overlaid.concerns(name) ? overlaid.applyNow(key, answer) : answer
    },
  }
}
