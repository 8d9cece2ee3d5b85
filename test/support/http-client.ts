import { connect } from 'node:net'

/** An answer as it came over the wire; nothing normalised, decoded or followed. */
export interface RawAnswer {
  readonly status: number
  /** Lower-case names; values of repeated headers joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any
}

export interface RawRequest {
  readonly method?: string
  /** Sent byte by byte as given (a string: as UTF-8): `fetch` would tidy it up. */
  readonly path: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: string | Uint8Array
}

/** One request on its own connection. */
export function send(origin: string, { method = 'GET', path, headers = [], body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ]
  if (!headers.some(([name]) => name.toLowerCase() === 'host')) lines.push(`Host: ${hostname}:${port}`)
  const bytes = Buffer.from(body ?? '')
  if (body !== undefined) lines.push(`Content-Length: ${bytes.length}`)
  return sendBytes(origin, Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytes]), method)
}

export function sendBytes(origin: string, bytes: Uint8Array, method = 'GET'): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.on('data', (chunk) => chunks.push(chunk))
    // A server that refuses a large upload may reset the connection after its answer.
    socket.on('error', (error) => (chunks.length > 0 ? finish() : reject(error)))
    socket.on('close', finish)

    function finish(): void {
      try {
        resolve(parse(Buffer.concat(chunks), method))
      } catch (error) {
        reject(error)
      }
    }
  })
}

function parse(bytes: Buffer, method: string): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) throw new Error(`No HTTP answer: ${bytes.toString().slice(0, 200)}`)
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  // Informational answers come before the real one.
  if (status < 200) return parse(bytes.subarray(end + 4), method)
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  const rest = bytes.subarray(end + 4)
  const body = headers['transfer-encoding'] === 'chunked' ? unchunk(rest) : rest
  const text = body.toString()
  return { status, headers, body, text, json: headers['content-type']?.includes('json') ? safeParse(text) : undefined }
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unchunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at)
    const size = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
    if (size === 0) break
  }
  return Buffer.concat(parts)
}
