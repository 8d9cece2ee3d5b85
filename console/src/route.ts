import { computed, signal } from '@preact/signals'

/** The part of the address behind `#`: `/`, `/product/orders`, `/key/orders/7`, `/graph`... */
const hash = signal(location.hash.slice(1) || '/')
addEventListener('hashchange', () => {
  hash.value = location.hash.slice(1) || '/'
})

export const route = computed(() => {
  const [, page = '', ...rest] = hash.value.split('/')
  return { page, rest: rest.join('/') }
})

export const toProduct = (name: string): string => `#/product/${encodeURIComponent(name)}`
/** A key is percent-encoded already. */
export const toKey = (key: string): string => `#/key/${key}`

export function go(to: string): void {
  location.hash = to
}
