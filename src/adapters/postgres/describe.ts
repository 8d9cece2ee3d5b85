import type pg from 'pg'

export interface Field {
  readonly name: string
  readonly dataTypeID: number
}

/** The part of pg's connection that a query object of our own uses. */
interface Wire {
  parse(message: { text: string }): void
  describe(message: { type: 'S'; name: string }): void
  sync(): void
}

/** Asks the database for a statement's columns without running it (protocol: Parse, Describe, Sync). */
export function describeFields(client: pg.ClientBase, text: string): Promise<readonly Field[]> {
  return new Promise((resolve, reject) => {
    let fields: readonly Field[] = []
    let failed: Error | undefined
    client.query({
      submit: (wire: Wire) => {
        wire.parse({ text })
        wire.describe({ type: 'S', name: '' })
        wire.sync()
      },
      // pg calls these by name on the query that is under way.
      handleRowDescription: (message: { fields: readonly Field[] }) => {
        fields = message.fields
      },
      handleError: (error: Error) => {
        failed = error
        reject(error)
      },
      handleReadyForQuery: () => {
        if (!failed) resolve(fields)
      },
      callback: (error: Error | null) => {
        if (error) reject(error)
      },
    } as unknown as pg.Submittable)
  })
}
