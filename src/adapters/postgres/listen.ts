import pg from 'pg'
import { unavailable } from '../postgres-common/errors.ts'

/** Hears the `NOTIFY`s of a channel on a connection of its own, until the signal aborts. Throws when that is lost. */
export async function listen(
  { name, client: config }: { readonly name: string; readonly client: pg.ClientConfig },
  { channel, onNotify }: { readonly channel: string; readonly onNotify: () => void },
  signal: AbortSignal,
): Promise<void> {
  const client = new pg.Client({ ...config, application_name: 'kck listen', keepAlive: true })
  const lost = new Promise<never>((_, reject) => {
    client.on('error', (error) => reject(unavailable(name, error)))
    client.on('end', () => reject(unavailable(name, new Error('The connection has ended'))))
  })
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  lost.catch(() => undefined)
  try {
    client.on('notification', onNotify)
    const begin = async () => {
      await client.connect()
      await client.query(`listen ${pg.escapeIdentifier(channel)}`)
      // Whatever came before.
      onNotify()
    }
    const beginning = begin()
    beginning.catch(() => undefined)
    await Promise.race([beginning.then(() => aborted), aborted, lost])
  } catch (error) {
    throw unavailable(name, error)
  } finally {
    client.removeListener('notification', onNotify)
    void client.end().catch(() => undefined)
  }
}
