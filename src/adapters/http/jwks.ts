import { readFile } from 'node:fs/promises'

/** Bytes of a key set: hundreds of keys. */
const maxBytes = 256 * 1024

/** Fetches an issuer's key set. A redirect is an error: keys come from the address in the settings or not at all. */
export function createJwksFetcher(url: string): (signal: AbortSignal) => Promise<unknown> {
  return async (signal) => {
    const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } })
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(`The issuer answered ${response.status} for its keys`)
    }
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      if (text.length > maxBytes) throw new Error('The issuer answered too much for its keys')
    }
    return JSON.parse(text)
  }
}

/** Reads a key set from a file, again whenever it is asked, so that a key can be replaced while KCK runs. */
export function createJwksReader(path: string): () => Promise<unknown> {
  return async () => JSON.parse(await readFile(path, 'utf8'))
}
