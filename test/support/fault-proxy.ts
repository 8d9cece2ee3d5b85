import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What goes wrong on the way; `down` is from the server to the client. */
export interface Faults {
  /** Milliseconds added to every piece of an answer. */
  readonly latencyMs: number
  /** Swallows what travels in that direction; the connections stay open. */
  readonly blackHole: 'none' | 'up' | 'down'
  /** Answers arrive at that many bytes a second; 0: as fast as they come. */
  readonly bytesPerSecond: number
  /** Answers arrive in pieces of so many bytes; 0: whole. */
  readonly sliceBytes: number
  /** A connection is reset after an answer of so many bytes altogether; 0: never. */
  readonly limitBytes: number
  /** New connections are accepted and never answered. */
  readonly silent: boolean
}

const NONE: Faults = { latencyMs: 0, blackHole: 'none', bytesPerSecond: 0, sliceBytes: 0, limitBytes: 0, silent: false }
const SILENT: Faults = { ...NONE, blackHole: 'down' }

/** What became of connections that nobody looked at for a while; `dropped` is without a word. */
export type Cut = 'closed' | 'reset' | 'dropped'

export interface FaultProxy {
  readonly port: number
  /** From now on these faults and no others. */
  set(faults: Partial<Faults>): void
  /** Resets every open connection. */
  reset(): void
  /** Does that to every open connection; new ones work. */
  cut(how: Cut): void
  /** Resets every open connection and refuses new ones, until `listen`. */
  refuse(): Promise<void>
  /** Does nothing when it listens. */
  listen(): Promise<void>
  close(): Promise<void>
}

/** A TCP proxy on a free loopback port in front of `target`, for tests of what the network does. */
export async function startFaultProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  const dropped = new WeakSet<Socket>()
  let faults = NONE
  let port = 0
  let server: Server | null = null

  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  const accept = (client: Socket) => {
    keep(client)
    clients.add(client)
    client.once('close', () => clients.delete(client))
    client.setNoDelay(true)
    if (faults.silent) return
    const upstream = connect(target)
    keep(upstream)
    upstream.setNoDelay(true)
    client.on('data', (bytes) => {
      if (faults.blackHole !== 'up' && !dropped.has(client)) upstream.write(bytes)
    })
    deliver(upstream, client, () => (dropped.has(client) ? SILENT : faults))
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    client.once('close', end)
    upstream.once('close', () => dropped.has(client) || end())
  }
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const proxy: FaultProxy = {
    get port() {
      return port
    },
    set(next) {
      faults = { ...NONE, ...next }
    },
    reset,
    cut(how) {
      for (const client of clients) {
        if (how === 'closed') client.end()
        else if (how === 'reset') client.resetAndDestroy()
        else dropped.add(client)
      }
    },
    async refuse() {
      const closing = server
      server = null
      closing?.close()
      reset()
      if (closing) await once(closing, 'close')
    },
    async listen() {
      if (server) return
      server = createServer(accept).listen(port, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    },
    close: () => proxy.refuse(),
  }
  await proxy.listen()
  return proxy
}

/** Passes on what comes `from` the server, in order, as the faults of the moment have it. */
function deliver(from: Socket, to: Socket, faults: () => Faults): void {
  const queue: { readonly piece: Buffer; readonly at: number }[] = []
  let freeAt = 0
  let passed = 0
  const send = (piece: Buffer) => {
    const { blackHole, limitBytes } = faults()
    if (to.destroyed || blackHole === 'down') return
    const allowed = limitBytes === 0 ? piece.length : Math.max(0, limitBytes - passed)
    passed += piece.length
    to.write(piece.subarray(0, allowed))
    // The kernel takes the piece first, or the reset would take it back.
    if (allowed < piece.length) setImmediate(() => to.resetAndDestroy())
  }
  // One timer at a time, so that nothing overtakes.
  const pump = () => {
    for (let first = queue[0]; first; first = queue[0]) {
      const wait = first.at - performance.now()
      if (wait > 0) return void setTimeout(pump, wait)
      send(first.piece)
      queue.shift()
    }
  }
  from.on('data', (bytes: Buffer) => {
    const idle = queue.length === 0
    const { latencyMs, bytesPerSecond } = faults()
    for (const piece of cut(bytes, faults())) {
      freeAt = Math.max(freeAt, performance.now() + latencyMs)
      if (bytesPerSecond > 0) freeAt += (piece.length / bytesPerSecond) * 1_000
      queue.push({ piece, at: freeAt })
    }
    if (idle) pump()
  })
}

function cut(bytes: Buffer, { bytesPerSecond, sliceBytes }: Faults): readonly Buffer[] {
  const size = sliceBytes || Math.ceil(bytesPerSecond / 20) || bytes.length
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}
