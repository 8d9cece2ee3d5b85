/** The native protocol of Cassandra, version 4, as far as one who stands between client and server needs it. */

export const opcodes = {
  error: 0x00,
  startup: 0x01,
  ready: 0x02,
  authenticate: 0x03,
  options: 0x05,
  query: 0x07,
  result: 0x08,
  prepare: 0x09,
  execute: 0x0a,
  register: 0x0b,
  batch: 0x0d,
  authChallenge: 0x0e,
  authResponse: 0x0f,
  authSuccess: 0x10,
} as const

export const errorCodes = {
  protocol: 0x000a,
  badCredentials: 0x0100,
  writeTimeout: 0x1100,
  readTimeout: 0x1200,
  invalid: 0x2200,
  unprepared: 0x2500,
} as const

export interface Frame {
  readonly version: number
  readonly stream: number
  readonly opcode: number
  readonly body: Buffer
  /** As it came. */
  readonly bytes: Buffer
}

const HEADER = 9

/** Cuts a stream of bytes into frames. */
export function frameReader(take: (frame: Frame) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    while (rest.length >= HEADER) {
      const length = HEADER + rest.readInt32BE(5)
      if (rest.length < length) return
      const frame = rest.subarray(0, length)
      rest = rest.subarray(length)
      take({
        version: frame.readUInt8(0) & 0x7f,
        stream: frame.readInt16BE(2),
        opcode: frame.readUInt8(4),
        body: frame.subarray(HEADER),
        bytes: frame,
      })
    }
  }
}

export function answerFrame(stream: number, opcode: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(HEADER)
  header.writeUInt8(0x84, 0)
  header.writeInt16BE(stream, 2)
  header.writeUInt8(opcode, 4)
  header.writeInt32BE(body.length, 5)
  return Buffer.concat([header, body])
}

export function errorFrame(stream: number, code: number, message: string, ...more: readonly Buffer[]): Buffer {
  return answerFrame(stream, opcodes.error, int(code), shortString(message), ...more)
}

export const short = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export const shortString = (text: string): Buffer => Buffer.concat([short(Buffer.byteLength(text)), Buffer.from(text)])

export const longBytes = (value: Buffer): Buffer => Buffer.concat([int(value.length), value])

/** Reads one value after the other from a body. */
export class BodyReader {
  readonly #body: Buffer
  #at = 0

  constructor(body: Buffer) {
    this.#body = body
  }

  byte(): number {
    this.#at += 1
    return this.#body.readUInt8(this.#at - 1)
  }

  short(): number {
    this.#at += 2
    return this.#body.readUInt16BE(this.#at - 2)
  }

  int(): number {
    this.#at += 4
    return this.#body.readInt32BE(this.#at - 4)
  }

  longString(): string {
    return this.#take(this.int()).toString()
  }

  shortBytes(): Buffer {
    return this.#take(this.short())
  }

  /** A value of a statement; negative lengths mean null and not set. */
  bytes(): Buffer {
    return this.#take(Math.max(0, this.int()))
  }

  #take(length: number): Buffer {
    this.#at += length
    return this.#body.subarray(this.#at - length, this.#at)
  }
}

interface Column {
  readonly name: string
  readonly type: 'text' | 'inet' | 'uuid' | 'texts'
  readonly value: Buffer
}

const typeCodes = {
  text: [short(0x0d)],
  inet: [short(0x10)],
  uuid: [short(0x0c)],
  texts: [short(0x22), short(0x0d)],
} as const

/** Rows of a system table; all have the columns of the first. */
export function rowsFrame(stream: number, table: string, rows: readonly (readonly Column[])[]): Buffer {
  const columns = rows[0] ?? []
  const names = columns.flatMap(({ name, type }) => [shortString(name), ...typeCodes[type]])
  const cells = rows.flatMap((row) => row.map(({ value }) => longBytes(value)))
  const metadata = [int(0x0001), int(columns.length), shortString('system'), shortString(table), ...names]
  return answerFrame(stream, opcodes.result, int(0x0002), ...metadata, int(rows.length), ...cells)
}

export const column = {
  text: (name: string, value: string): Column => ({ name, type: 'text', value: Buffer.from(value) }),
  inet: (name: string, value: string): Column => ({
    name,
    type: 'inet',
    value: Buffer.from(value.split('.').map(Number)),
  }),
  uuid: (name: string, value: string): Column => ({
    name,
    type: 'uuid',
    value: Buffer.from(value.replaceAll('-', ''), 'hex'),
  }),
  texts: (name: string, values: readonly string[]): Column => ({
    name,
    type: 'texts',
    value: Buffer.concat([int(values.length), ...values.map((value) => longBytes(Buffer.from(value)))]),
  }),
}
