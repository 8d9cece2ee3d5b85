import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A way to send plain JSON values to another thread or process, and to get theirs, in order. */
export interface Channel {
  send(message: unknown): void
  close(): void | Promise<void>
}

export interface ChannelEvents {
  message(message: unknown): void
  /** Called once, whoever closed it. */
  closed(error: unknown): void
}

/** One line of JSON per message. */
export function socketChannel(socket: Socket, events: ChannelEvents): Channel {
  let parts: Buffer[] = []
  let failure: unknown = new Error('The connection was closed')
  socket.on('data', (chunk: Buffer) => {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, end)])
      parts = []
      start = end + 1
      events.message(JSON.parse(line.toString()))
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
  })
  socket.on('error', (error) => {
    failure = error
  })
  socket.once('close', () => events.closed(failure))
  return {
    send: (message) => {
      socket.write(`${JSON.stringify(message)}\n`)
    },
    close: () => {
      socket.destroy()
    },
  }
}

const CONNECT_ATTEMPTS = 10
const CONNECT_PAUSE_MS = 50

/** Tries for half a second: the process that holds the database may be about to listen. */
export async function connectSocket(socketPath: string, events: ChannelEvents): Promise<Channel> {
  for (let attempt = 1; ; attempt++) {
    const socket = connect(socketPath)
    try {
      await once(socket, 'connect')
      return socketChannel(socket, events)
    } catch (error) {
      if (attempt === CONNECT_ATTEMPTS) throw error
      await delay(CONNECT_PAUSE_MS)
    }
  }
}

/** Listens on a socket that only this user may use; one left by a process that is gone is replaced. */
export async function listenOnSocket(
  socketPath: string,
  accept: (socket: Socket) => void,
): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    accept(socket)
  })
  rmSync(socketPath, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, resolve)
  })
  chmodSync(socketPath, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
