import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Connection, getRequest } from './client.ts'
import { percentile } from './statistics.ts'

export interface Load {
  readonly requestsPerSecond: number
  readonly requests: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers that were not 2xx, and requests without an answer. */
  readonly failed: number
}

export interface Asked {
  readonly port: number
  /** Before the number of the key. */
  readonly path: string
  /** Keys 1 to this, drawn uniformly. */
  readonly keys: number
  readonly connections: number
  readonly seconds: number
}

const run = promisify(execFile)

/** `wrk` where it is installed: it takes a quarter of the processor time that a generator in Node takes. */
export async function hasWrk(): Promise<boolean> {
  // It has no option that succeeds: `-v` prints the version and fails.
  return run('wrk', ['-v']).then(
    () => true,
    (error: { readonly stdout?: string }) => error.stdout?.startsWith('wrk') ?? false,
  )
}

/** GET as fast as the connections allow. */
export async function generateLoad(asked: Asked, useWrk: boolean): Promise<Load> {
  return useWrk ? loadWithWrk(asked) : loadWithNode(asked)
}

async function loadWithWrk({ port, path, keys, connections, seconds }: Asked): Promise<Load> {
  const script = fileURLToPath(new URL('uniform.lua', import.meta.url))
  const time = ['-d', `${Math.max(1, Math.round(seconds))}s`, '--timeout', '30s']
  const args = ['-t', '1', '-c', String(connections), ...time, '-s', script, `http://127.0.0.1:${port}`]
  const { stdout } = await run('wrk', [...args, '--', path, String(keys)], { timeout: (seconds + 60) * 1000 })
  const line = /^RESULT (.*)$/m.exec(stdout)?.[1]
  if (line === undefined) throw new Error(`wrk did not say what it measured:\n${stdout}`)
  return JSON.parse(line) as Load
}

async function loadWithNode({ port, path, keys, connections, seconds }: Asked): Promise<Load> {
  const requests = Array.from({ length: keys }, (_, index) => getRequest(`${path}${index + 1}`))
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)))
  const latencies: number[] = []
  let failed = 0
  const began = performance.now()
  const until = began + seconds * 1000
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() < until) {
        const { status, ms } = await connection.send(requests[Math.floor(Math.random() * keys)] as Buffer)
        latencies.push(ms)
        if (status < 200 || status > 299) failed += 1
      }
    }),
  )
  const took = performance.now() - began
  for (const connection of open) connection.close()
  return {
    requestsPerSecond: (latencies.length * 1000) / took,
    requests: latencies.length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    failed,
  }
}
