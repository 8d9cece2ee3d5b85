import { createHttpHandler } from '../../functions/http-handler.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import type { JsonValue } from '../../src/entry/json.ts'
import { createEdge, type Edge, type EdgeOptions } from '../../src/http/edge.ts'
import { formatRequestLog, type RequestLogEntry } from '../../src/http/request-log.ts'
import type { Kck } from '../../src/kck/kck.ts'
import { startServer } from '../../src/local/server.ts'
import { createFakeKck, type FakeKck } from './fake-kck.ts'
import { openAuth } from './http-auth.ts'
import { type GatewayKind, type LambdaHandler, startGateway } from './http-gateway.ts'

/** A running system behind real HTTP. */
export interface RunningSystem {
  readonly origin: string
  readonly log: readonly RequestLogEntry[]
  /** The log as its lines. */
  logLines(): readonly string[]
  close(): Promise<void>
}

export interface RunningTarget extends RunningSystem {
  readonly kck: FakeKck
}

export interface TargetOptions extends Partial<EdgeOptions> {
  /** What the near cache holds. */
  readonly near?: Readonly<Record<string, JsonValue>>
}

export interface HttpTarget {
  readonly name: 'local server' | 'Lambda behind an HTTP API' | 'Lambda behind a Function URL'
  /** The edge over any core. */
  serve(kck: Omit<Kck, 'work'>, options?: Partial<EdgeOptions>): Promise<RunningSystem>
  /** The edge over a fake core. */
  start(options?: TargetOptions): Promise<RunningTarget>
}

export const httpTargets: readonly HttpTarget[] = [
  target('local server', async (edge, kck) => {
    const server = await startServer({ edge, kck, clock: systemClock, port: 0 })
    return { origin: server.url, close: server.close }
  }),
  target('Lambda behind an HTTP API', behindGateway('http-api')),
  target('Lambda behind a Function URL', behindGateway('function-url')),
]

type Listen = (edge: Edge, kck: Pick<Kck, 'peek'>) => Promise<{ readonly origin: string; close(): Promise<void> }>

function target(name: HttpTarget['name'], listen: Listen): HttpTarget {
  const serve: HttpTarget['serve'] = async (kck, options = {}) => {
    const log: RequestLogEntry[] = []
    const edge = createEdge({ kck, clock: systemClock, auth: openAuth, log: (entry) => log.push(entry), ...options })
    return { ...(await listen(edge, kck)), log, logLines: () => log.map(formatRequestLog) }
  }
  return {
    name,
    serve,
    async start({ near = {}, ...options } = {}) {
      const kck = createFakeKck({ clock: systemClock, near })
      return { ...(await serve(kck, options)), kck }
    },
  }
}

function behindGateway(kind: GatewayKind): Listen {
  return (edge) => startGateway(kind, createHttpHandler(() => Promise.resolve(edge)) as unknown as LambdaHandler)
}
