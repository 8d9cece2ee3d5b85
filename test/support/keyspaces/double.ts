import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { freePort } from '../cassandra/node.ts'
import type { CassandraAddress } from '../cassandra/start.ts'
import type { Cut } from '../fault-proxy.ts'
import { type Certificate, makeCertificate } from './certificate.ts'
import { answerFrame, type Frame, frameReader, opcodes, shortString } from './frames.ts'
import { Session } from './session.ts'

export interface KeyspacesOptions {
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface KeyspacesDouble {
  /** `host:port`, a name as in AWS. */
  readonly endpoint: string
  readonly certificate: Certificate
  /** What clients did that Keyspaces refuses, in its words. */
  readonly refusals: readonly string[]
  /** Addresses that clients are connected to now. */
  connected(): ReadonlySet<string>
  /** Successful sign-ins since the start. */
  readonly sessions: number
  /** Does that to every connection there is; new ones are taken. */
  cut(how: Cut): void
  /** The next so many statements are throttled. */
  throttle(statements: number): void
  /** No connection is taken any more, until `restart`. */
  stop(): Promise<void>
  restart(): Promise<void>
}

/** The public endpoint of Keyspaces shows nine hosts. */
const ADDRESSES = Array.from({ length: 9 }, (_, index) => `127.0.0.${index + 1}`)

/**
 * What Amazon Keyspaces is and Apache Cassandra is not, in front of a real Cassandra: TLS, signing in with SigV4, version
 * 4 of the protocol only, nine hosts that are all the same, and its refusals of statements and consistency levels.
 */
export async function startKeyspaces(cassandra: CassandraAddress, options: KeyspacesOptions): Promise<KeyspacesDouble> {
  const { region, accessKeyId, secretAccessKey, sessionToken, now } = options
  const certificate = await makeCertificate([`cassandra.${region}.amazonaws.com`, 'localhost', ...ADDRESSES])
  const secureContext = createSecureContext({ cert: certificate.cert, key: certificate.key })
  const port = await freePort(ADDRESSES)
  const prepared = new Map<string, string>()
  const refusals: string[] = []
  const clients = new Set<Connection>()
  let servers: Server[] = []
  let throttled = 0
  let sessions = 0

  const accept = (address: string, raw: Socket) => {
    const session = new Session({
      region,
      address,
      addresses: ADDRESSES,
      prepared,
      signer: () => ({ region, accessKeyId, secretAccessKey, sessionToken, now: now() }),
      fault: () => (throttled > 0 && throttled-- ? 'throttled' : null),
      refused: (message) => refusals.push(message),
    })
    const socket = new TLSSocket(raw, { isServer: true, secureContext })
    const client = new Connection({
      raw,
      socket,
      session,
      address,
      cassandra,
      signedIn: () => {
        sessions += 1
      },
    })
    clients.add(client)
    raw.once('close', () => clients.delete(client))
  }
  const double: KeyspacesDouble = {
    endpoint: `localhost:${port}`,
    certificate,
    refusals,
    get sessions() {
      return sessions
    },
    connected: () => new Set([...clients].map(({ address }) => address)),
    cut: (how) => {
      for (const client of clients) client.cut(how)
    },
    throttle: (statements) => {
      throttled = statements
    },
    async stop() {
      const closing = servers
      servers = []
      for (const server of closing) server.close()
      for (const client of clients) client.cut('reset')
      await Promise.all(closing.map((server) => once(server, 'close')))
    },
    async restart() {
      await double.stop()
      servers = ADDRESSES.map((address) => createServer((raw) => accept(address, raw)).listen(port, address))
      await Promise.all(servers.map((server) => once(server, 'listening')))
    },
  }
  await double.restart()
  return double
}

interface ConnectionSettings {
  readonly raw: Socket
  readonly socket: TLSSocket
  readonly session: Session
  readonly address: string
  readonly cassandra: CassandraAddress
  readonly signedIn: () => void
}

/** A client's connection and its counterpart to Cassandra. */
class Connection {
  readonly address: string
  readonly #raw: Socket
  readonly #socket: TLSSocket
  readonly #upstream: Socket
  readonly #session: Session
  readonly #signedIn: () => void
  /** The stream of a STARTUP that Cassandra has yet to answer. */
  #starting: number | null = null
  #dropped = false

  constructor({ raw, socket, session, address, cassandra, signedIn }: ConnectionSettings) {
    this.address = address
    this.#raw = raw
    this.#socket = socket
    this.#session = session
    this.#signedIn = signedIn
    this.#upstream = connect({ host: cassandra.contactPoints[0] ?? '', port: cassandra.port, noDelay: true })
    raw.setNoDelay(true)
    socket.on(
      'data',
      frameReader((frame) => this.#ask(frame)),
    )
    this.#upstream.on(
      'data',
      frameReader((frame) => this.#answer(frame)),
    )
    for (const each of [raw, socket, this.#upstream]) each.on('error', () => {})
    const end = () => {
      if (this.#dropped) return
      socket.destroy()
      this.#upstream.destroy()
    }
    raw.once('close', end)
    this.#upstream.once('close', end)
  }

  cut(how: Cut): void {
    if (how === 'dropped') {
      this.#dropped = true
      this.#upstream.destroy()
    } else if (how === 'reset') this.#raw.resetAndDestroy()
    else this.#socket.end()
  }

  #ask(frame: Frame): void {
    if (this.#dropped) return
    const verdict = this.#session.judge(frame)
    if (verdict === 'sign in') this.#starting = frame.stream
    if (typeof verdict === 'string') this.#upstream.write(frame.bytes)
    else this.#send(verdict.answer)
  }

  #answer(frame: Frame): void {
    if (this.#starting === frame.stream && frame.opcode === opcodes.ready) {
      this.#starting = null
      this.#send(
        answerFrame(frame.stream, opcodes.authenticate, shortString('org.apache.cassandra.auth.PasswordAuthenticator')),
      )
      return
    }
    this.#session.notice(frame)
    this.#send(frame.bytes)
  }

  #send(bytes: Buffer): void {
    if (this.#dropped) return
    if (bytes.readUInt8(4) === opcodes.authSuccess) this.#signedIn()
    this.#socket.write(bytes)
  }
}
