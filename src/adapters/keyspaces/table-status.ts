import type { KeyspacesClient } from '@aws-sdk/client-keyspaces'
import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'

export interface TableStatusOptions {
  readonly region: string
  readonly clock: Clock
  /** @default one of our own */
  readonly client?: Pick<KeyspacesClient, 'send'>
}

type Sdk = typeof import('@aws-sdk/client-keyspaces')

const WITHIN_MS = 300_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** Statuses that end by themselves. */
const PASSING: ReadonlySet<string> = new Set(['CREATING', 'UPDATING', 'RESTORING'])

/**
 * Returns when all tables are active: Keyspaces makes tables in the background, and refuses statements until then.
 * Throws `STORE_UNAVAILABLE` after five minutes, or at once for a table that is on its way out.
 */
export async function waitUntilActive(
  options: TableStatusOptions,
  keyspace: string,
  tables: readonly string[],
): Promise<void> {
  const { region, clock } = options
  const sdk = await import('@aws-sdk/client-keyspaces')
  const client = options.client ?? new sdk.KeyspacesClient({ region })
  const until = clock.now() + WITHIN_MS
  for (const table of tables) {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      const status = await statusOf(sdk, client, keyspace, table)
      if (status === 'ACTIVE') break
      if (!PASSING.has(status) || clock.now() + pause > until) throw notActive(table, status)
      await clock.sleep(pause)
    }
  }
}

/** A table that was asked for a moment ago may not be known yet. */
async function statusOf(
  sdk: Sdk,
  client: Pick<KeyspacesClient, 'send'>,
  keyspaceName: string,
  tableName: string,
): Promise<string> {
  try {
    const { status = 'CREATING' } = await client.send(new sdk.GetTableCommand({ keyspaceName, tableName }))
    return status
  } catch (error) {
    if (error instanceof sdk.ResourceNotFoundException) return 'CREATING'
    throw unknown(error)
  }
}

function notActive(table: string, status: string): KckError {
  const message = `The table ${table} is not ready for use; look at it in the console of Amazon Keyspaces.`
  return new KckError('STORE_UNAVAILABLE', message, { details: { table, status } })
}

function unknown(cause: unknown): KckError {
  const message = 'Amazon Keyspaces does not tell the status of a table; allow cassandra:Select on it.'
  return new KckError('STORE_UNAVAILABLE', message, { cause })
}
