import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Reply {
  readonly status: number
  /** Milliseconds from sending to the last byte. */
  readonly ms: number
  readonly body: string
}

/** One keep-alive connection that sends ready-made bytes: as little work as Node can do for a request. */
export class Connection {
  readonly #socket: Socket
  #waiting: { readonly began: number; resolve(reply: Reply): void; reject(error: Error): void } | null = null
  #received: Buffer[] = []
  /** Bytes of the whole answer; 0 while its head is not there yet. */
  #expected = 0
  #bodyAt = 0
  #length = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('The server closed the connection')))
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Connection(socket)
  }

  send(request: Buffer): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('The connection is closed'))
        return
      }
      this.#waiting = { began: performance.now(), resolve, reject }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#length += chunk.length
    if (this.#expected === 0) this.#readHead()
    if (this.#expected === 0 || this.#length < this.#expected) return
    const bytes = Buffer.concat(this.#received)
    const { began, resolve } = this.#waiting ?? {}
    const reply = {
      status: Number(bytes.toString('latin1', 9, 12)),
      ms: performance.now() - (began ?? 0),
      body: bytes.toString('utf8', this.#bodyAt),
    }
    this.#received = []
    this.#expected = 0
    this.#length = 0
    this.#waiting = null
    resolve?.(reply)
  }

  #readHead(): void {
    const bytes = Buffer.concat(this.#received)
    const end = bytes.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1]
    if (length === undefined) {
      this.#fail(new Error('The answer does not tell its length'))
      return
    }
    this.#bodyAt = end + 4
    this.#expected = this.#bodyAt + Number(length)
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
    this.#waiting = null
    this.#socket.destroy()
  }
}

/** `headers`: more of them, each ended by CRLF. */
export function getRequest(path: string, headers = ''): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`)
}

export function putRequest(path: string, type: string, body: string, headers = ''): Buffer {
  const head = `PUT ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}`
  return Buffer.from(`${head}\r\n${headers}\r\n${body}`)
}

export async function getOnce(port: number, path: string): Promise<Reply> {
  const connection = await Connection.open(port)
  try {
    return await connection.send(getRequest(path))
  } finally {
    connection.close()
  }
}

/** All requests, each of `connections` connections sending one after the other; the replies in order. Throws unless 2xx. */
export async function sendAll(
  port: number,
  requests: readonly Buffer[],
  connections: number,
): Promise<readonly Reply[]> {
  const replies: Reply[] = []
  let next = 0
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)))
  try {
    await Promise.all(
      open.map(async (connection) => {
        while (next < requests.length) {
          const index = next++
          const reply = await connection.send(requests[index] as Buffer)
          if (reply.status < 200 || reply.status > 299) throw new Error(`${reply.status}: ${reply.body.slice(0, 300)}`)
          replies[index] = reply
        }
      }),
    )
  } finally {
    for (const connection of open) connection.close()
  }
  return replies
}
