import { randomBytes } from 'node:crypto'
import { checkBatch, checkStatement, NotInKeyspacesError } from '../cassandra/keyspaces-dialect.ts'
import {
  answerFrame,
  BodyReader,
  column,
  errorCodes,
  errorFrame,
  type Frame,
  int,
  longBytes,
  opcodes,
  rowsFrame,
  short,
  shortString,
} from './frames.ts'
import { type Expected, faultOfSignature } from './signature.ts'

export interface SessionSettings {
  readonly region: string
  /** Address of this end of the connection, and of all others. */
  readonly address: string
  readonly addresses: readonly string[]
  readonly signer: () => Omit<Expected, 'nonce'>
  /** Text of each prepared statement by its id, of all connections. */
  readonly prepared: Map<string, string>
  /** How the next statement is to fail; null: not. */
  readonly fault: () => 'throttled' | null
  readonly refused: (message: string) => void
}

/** What a client's frame comes to: an answer of our own, or it goes on to Cassandra. */
type Verdict = { readonly answer: Buffer } | 'pass' | 'sign in'

/** One client's connection: what it asks, and whether Keyspaces would do it. */
export class Session {
  readonly #settings: SessionSettings
  readonly #preparing = new Map<number, string>()
  readonly #nonce = randomBytes(16).toString('hex')
  #signedIn = false

  constructor(settings: SessionSettings) {
    this.#settings = settings
  }

  judge(frame: Frame): Verdict {
    const { stream, version, opcode } = frame
    if (version !== 4) {
      const message = `Invalid or unsupported protocol version (${version}); supported versions are (4/v4)`
      return { answer: errorFrame(stream, errorCodes.protocol, message) }
    }
    if (opcode === opcodes.options) return 'pass'
    if (opcode === opcodes.startup) return 'sign in'
    if (opcode === opcodes.authResponse) return { answer: this.#authenticate(frame) }
    if (!this.#signedIn) return { answer: errorFrame(stream, errorCodes.protocol, 'Not authenticated') }
    if (opcode === opcodes.register) return { answer: answerFrame(stream, opcodes.ready) }
    try {
      return this.#execute(frame)
    } catch (error) {
      if (!(error instanceof NotInKeyspacesError)) throw error
      this.#settings.refused(error.message)
      return { answer: errorFrame(stream, errorCodes.invalid, error.message) }
    }
  }

  /** Learns from an answer of Cassandra on its way to the client. */
  notice({ stream, opcode, body }: Frame): void {
    const cql = this.#preparing.get(stream)
    if (cql === undefined) return
    this.#preparing.delete(stream)
    const reader = new BodyReader(body)
    if (opcode === opcodes.result && reader.int() === 0x0004) {
      this.#settings.prepared.set(reader.shortBytes().toString('hex'), cql)
    }
  }

  #authenticate({ stream, body }: Frame): Buffer {
    const answer = new BodyReader(body).bytes().toString()
    if (answer === 'SigV4\0\0') {
      return answerFrame(stream, opcodes.authChallenge, longBytes(Buffer.from(`nonce=${this.#nonce}`)))
    }
    const fault = faultOfSignature(answer, { nonce: this.#nonce, ...this.#settings.signer() })
    if (fault !== null) {
      this.#settings.refused(fault)
      return errorFrame(stream, errorCodes.badCredentials, `Authentication failure: ${fault}`)
    }
    this.#signedIn = true
    return answerFrame(stream, opcodes.authSuccess, int(-1))
  }

  #execute({ stream, opcode, body }: Frame): Verdict {
    const reader = new BodyReader(body)
    if (opcode === opcodes.prepare) {
      const cql = reader.longString()
      checkStatement({ cql })
      this.#preparing.set(stream, cql)
      return 'pass'
    }
    if (opcode === opcodes.query) {
      const cql = reader.longString()
      const rows = this.#systemRows(stream, cql)
      if (rows !== null) return { answer: rows }
      checkStatement({ cql, consistency: reader.short() })
      return this.#fault(stream, cql) ?? 'pass'
    }
    if (opcode === opcodes.execute) {
      const id = reader.shortBytes()
      const cql = this.#settings.prepared.get(id.toString('hex'))
      if (cql === undefined) return { answer: unprepared(stream, id) }
      checkStatement({ cql, consistency: reader.short() })
      return this.#fault(stream, cql) ?? 'pass'
    }
    return opcode === opcodes.batch ? this.#batch(stream, reader) : 'pass'
  }

  #batch(stream: number, reader: BodyReader): Verdict {
    const logged = reader.byte() === 0
    const statements: string[] = []
    for (let left = reader.short(); left > 0; left--) {
      if (reader.byte() === 0) statements.push(reader.longString())
      else {
        const id = reader.shortBytes()
        const cql = this.#settings.prepared.get(id.toString('hex'))
        if (cql === undefined) return { answer: unprepared(stream, id) }
        statements.push(cql)
      }
      for (let values = reader.short(); values > 0; values--) reader.bytes()
    }
    checkBatch({ statements, logged, consistency: reader.short() })
    return this.#fault(stream, 'UPDATE') ?? 'pass'
  }

  /** A partition over its capacity looks to a client as a timeout. */
  #fault(stream: number, cql: string): Verdict | null {
    if (this.#settings.fault() === null) return null
    const isRead = /^\s*select/i.test(cql)
    const counts = [short(0x06), int(0), int(2)]
    const more = isRead ? [...counts, Buffer.from([0])] : [...counts, shortString('SIMPLE')]
    const code = isRead ? errorCodes.readTimeout : errorCodes.writeTimeout
    return { answer: errorFrame(stream, code, 'Operation timed out - received only 0 responses.', ...more) }
  }

  #systemRows(stream: number, cql: string): Buffer | null {
    const { address, addresses, region } = this.#settings
    const common = [
      column.text('data_center', region),
      column.text('rack', region),
      column.text('release_version', '3.11.2'),
      column.uuid('schema_version', '00000000-0000-4000-8000-000000000000'),
      column.texts('tokens', ['0']),
    ]
    if (/\bsystem\.local\b/i.test(cql)) {
      const names = {
        key: 'local',
        cluster_name: 'Amazon Keyspaces',
        cql_version: '3.4.4',
        native_protocol_version: '4',
      }
      const texts = Object.entries(names).map(([name, value]) => column.text(name, value))
      const partitioner = column.text('partitioner', 'com.amazonaws.cassandra.DefaultPartitioner')
      return rowsFrame(stream, 'local', [[...texts, partitioner, ...common, ...hostColumns(address, 'listen_address')]])
    }
    if (!/\bsystem\.peers\b/i.test(cql)) return null
    const others = addresses.filter((each) => each !== address)
    return rowsFrame(
      stream,
      'peers',
      others.map((each) => [...common, ...hostColumns(each, 'peer')]),
    )
  }
}

function hostColumns(address: string, name: string) {
  const number = address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('')
  const id = column.uuid('host_id', `00000000-0000-4000-8000-0000${number}`)
  return [column.inet(name, address), column.inet('rpc_address', address), id]
}

function unprepared(stream: number, id: Buffer): Buffer {
  return errorFrame(stream, errorCodes.unprepared, 'Unknown prepared statement', short(id.length), id)
}
