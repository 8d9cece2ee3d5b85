/** The one record that says where a replica's state stands. */
export interface Head {
  readonly logId: string | null
  readonly id: number
  readonly valid: boolean
  /** Counts changes. */
  readonly version: number
  /** Which of the two data tables counts. */
  readonly table: 0 | 1
  /** The process that writes a whole new state into the other one. */
  readonly filledBy: string | null
}

export const EMPTY_HEAD: Head = { logId: null, id: 0, valid: false, version: 0, table: 0, filledBy: null }

export function encodeHead(head: Head): Buffer {
  return Buffer.from(JSON.stringify(head))
}

export function decodeHead(bytes: Buffer): Head {
  return JSON.parse(bytes.toString()) as Head
}
