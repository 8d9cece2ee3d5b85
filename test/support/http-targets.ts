import { createHttpHandler } from '../../functions/http-handler.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import type { JsonValue } from '../../src/entry/json.ts'
import { createEdge, type EdgeOptions } from '../../src/http/edge.ts'
import { formatRequestLog, type RequestLogEntry } from '../../src/http/request-log.ts'
import { startServer } from '../../src/local/server.ts'
import { createFakeKck, type FakeKck } from './fake-kck.ts'
import { openAuth } from './http-auth.ts'
import { type GatewayKind, type LambdaHandler, startGateway } from './http-gateway.ts'

export interface TargetOptions extends Partial<EdgeOptions> {
  readonly near?: Readonly<Record<string, JsonValue>>
}

/** A running system behind real HTTP. */
export interface RunningTarget {
  readonly origin: string
  readonly kck: FakeKck
  readonly log: readonly RequestLogEntry[]
  /** The log as its lines. */
  logLines(): readonly string[]
  close(): Promise<void>
}

export interface HttpTarget {
  readonly name: 'local server' | 'Lambda behind an HTTP API' | 'Lambda behind a Function URL'
  start(options?: TargetOptions): Promise<RunningTarget>
}

/** The edge over a fake core, behind each adapter. */
export const httpTargets: readonly HttpTarget[] = [
  {
    name: 'local server',
    start: (options) =>
      running(options, async (edge, kck) => {
        const server = await startServer({ edge, kck, clock: systemClock, port: 0 })
        return { origin: server.url, close: server.close }
      }),
  },
  { name: 'Lambda behind an HTTP API', start: (options) => running(options, behindGateway('http-api')) },
  { name: 'Lambda behind a Function URL', start: (options) => running(options, behindGateway('function-url')) },
]

type Serve = (
  edge: ReturnType<typeof createEdge>,
  kck: FakeKck,
) => Promise<{ readonly origin: string; close(): Promise<void> }>

async function running(options: TargetOptions = {}, serve: Serve): Promise<RunningTarget> {
  const { near = {}, ...edgeOptions } = options
  const log: RequestLogEntry[] = []
  const kck = createFakeKck({ clock: systemClock, near })
  const edge = createEdge({
    kck,
    clock: systemClock,
    auth: openAuth,
    log: (entry) => log.push(entry),
    ...edgeOptions,
  })
  const { origin, close } = await serve(edge, kck)
  return { origin, kck, log, logLines: () => log.map(formatRequestLog), close }
}

function behindGateway(kind: GatewayKind): Serve {
  return (edge) => startGateway(kind, createHttpHandler(() => Promise.resolve(edge)) as unknown as LambdaHandler)
}
