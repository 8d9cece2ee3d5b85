import { createServer, type RequestListener } from 'node:http'
import { Session } from 'node:inspector/promises'
import type { AddressInfo } from 'node:net'

/** What the benchmark handed to this process. */
export function options<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Tells the benchmark where to send requests, and ends with it. */
export function announce(port: number, close: () => Promise<void> | void = () => {}): void {
  const end = () => void Promise.resolve(close()).finally(() => process.exit())
  process.once('SIGTERM', end)
  process.once('disconnect', end)
  process.on('message', (message) => void (message === 'profile' ? startProfile() : sendProfile()))
  process.send?.({ port })
}

/** Microseconds between two samples. */
const PROFILE_INTERVAL = 500
let session: Session | null = null

async function startProfile(): Promise<void> {
  session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: PROFILE_INTERVAL })
  await session.post('Profiler.start')
}

async function sendProfile(): Promise<void> {
  const stopped = await session?.post('Profiler.stop')
  session?.disconnect()
  process.send?.(stopped?.profile)
}

/** Serves with nothing but node:http, on any free port of this machine. */
export function serve(listener: RequestListener): void {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1', () => announce((server.address() as AddressInfo).port))
}

/** The last segment of a path. */
export function idOf(url: string | undefined): number {
  return Number(url?.slice(url.lastIndexOf('/') + 1))
}

/** The answer of KCK, made from a value. */
export function envelope(key: string, value: unknown): string {
  return JSON.stringify({ key, value, version: 1_700_000_000_000, modified: '2026-01-01T00:00:00.000Z' })
}

/** An answer as each of the comparators gives it: the fewest headers that will do. */
export function answerJson(response: Parameters<RequestListener>[1], body: string | Uint8Array): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': length }).end(body)
}

export function answerError(response: Parameters<RequestListener>[1], error: unknown): void {
  process.stderr.write(`${String(error)}\n`)
  response.writeHead(500).end()
}
