import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { badRequest, DataApiException, type ExceptionType, fromPostgres } from './exceptions.ts'
import { type ApiParameter, bindParameters } from './parameters.ts'
import { columnMetadata, jsonRecords, RESPONSE_LIMIT, typedRecords } from './records.ts'
import { type Answer, type Place, Sessions } from './sessions.ts'

export interface DataApiOptions {
  /** The PostgreSQL server behind. */
  readonly connectionString: string
  /** The database user that a secret is of. Default: that of the connection string, for all. */
  readonly userOf?: (secretArn: string) => string
  /** Default: a free one. */
  readonly port?: number
  /** When given, every other one is forbidden. */
  readonly resourceArn?: string
  readonly secretArn?: string
  /** Default 45000, as the service. */
  readonly statementTimeoutMs?: number
  /** Default 180000, as the service. */
  readonly transactionIdleMs?: number
}

export interface DataApi {
  /** For the SDK's `endpoint` setting. */
  readonly endpoint: string
  /** Calls received, by operation. */
  readonly calls: ReadonlyMap<string, number>
  /** Answers the next `calls` calls, or all of the next `forMs` milliseconds, with an exception. */
  fail(type: ExceptionType, until: { readonly calls: number } | { readonly forMs: number }): void
  stop(): Promise<void>
}

interface ApiRequest {
  readonly resourceArn?: string
  readonly secretArn?: string
  readonly database?: string
  readonly sql?: string
  readonly parameters?: readonly ApiParameter[]
  readonly parameterSets?: readonly (readonly ApiParameter[])[]
  readonly includeResultMetadata?: boolean
  readonly formatRecordsAs?: 'JSON' | 'NONE'
  readonly transactionId?: string
}

/** The RDS Data API over a PostgreSQL server, for the official SDK, on the loopback address. */
export async function startDataApi(options: DataApiOptions): Promise<DataApi> {
  const { connectionString, userOf, statementTimeoutMs = 45_000, transactionIdleMs = 180_000 } = options
  const sessions = new Sessions({ connectionString, statementTimeoutMs, transactionIdleMs })
  const calls = new Map<string, number>()
  const placeOf = ({ database, secretArn = '' }: ApiRequest) => ({ database, user: userOf?.(secretArn) })
  let failure: { type: ExceptionType; calls: number; until: number } | undefined

  const operations: Readonly<Record<string, (request: ApiRequest) => Promise<object>>> = {
    '/Execute': (request) => execute(sessions, request, placeOf(request)),
    '/BatchExecute': (request) => batchExecute(sessions, request, placeOf(request)),
    '/BeginTransaction': async (request) => ({ transactionId: await sessions.begin(placeOf(request)) }),
    '/CommitTransaction': async ({ transactionId = '' }) => {
      await sessions.end(transactionId, 'commit')
      return { transactionStatus: 'Transaction Committed' }
    },
    '/RollbackTransaction': async ({ transactionId = '' }) => {
      await sessions.end(transactionId, 'rollback')
      return { transactionStatus: 'Rollback Complete' }
    },
  }

  const answer = async (path: string, request: ApiRequest): Promise<string> => {
    calls.set(path.slice(1), (calls.get(path.slice(1)) ?? 0) + 1)
    if (failure && (failure.calls-- > 0 || Date.now() < failure.until)) {
      throw new DataApiException(failure.type, 'Injected by the test')
    }
    authorize(options, request)
    const operation = operations[path]
    if (!operation) throw badRequest(`Unknown operation ${path}`)
    const body = JSON.stringify(await operation(request))
    if (Buffer.byteLength(body) > RESPONSE_LIMIT) {
      throw badRequest('Database returned more than the allowed response size limit')
    }
    return body
  }

  const server = createServer((request, response) => void respond(request, response, answer))
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    calls,
    fail: (type, until) => {
      failure = {
        type,
        calls: 'calls' in until ? until.calls : 0,
        until: 'forMs' in until ? Date.now() + until.forMs : 0,
      }
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await sessions.close()
    },
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (path: string, request: ApiRequest) => Promise<string>,
): Promise<void> {
  response.setHeader('content-type', 'application/json')
  try {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    response.end(await answer(request.url ?? '', JSON.parse(text || '{}') as ApiRequest))
  } catch (error) {
    const exception = fromPostgres(error)
    response.statusCode = exception.status
    response.setHeader('x-amzn-ErrorType', exception.type)
    response.end(JSON.stringify({ message: exception.message }))
  }
}

function authorize(options: DataApiOptions, { resourceArn, secretArn }: ApiRequest): void {
  if (!resourceArn || !secretArn) throw badRequest('resourceArn and secretArn are needed')
  const isOther = (wanted: string | undefined, given: string) => wanted !== undefined && wanted !== given
  if (isOther(options.resourceArn, resourceArn) || isOther(options.secretArn, secretArn)) {
    throw new DataApiException('ForbiddenException', 'Not authorized for this resource')
  }
}

async function execute(sessions: Sessions, request: ApiRequest, place: Place): Promise<object> {
  const { sql = '', parameters, transactionId, includeResultMetadata, formatRecordsAs } = request
  const statement = bindParameters(sql, parameters)
  return sessions.use(place, transactionId, async (client) => {
    const answer = await sessions.run(client, statement)
    const types = await sessions.typesOf(client, answer.fields)
    const updated = { numberOfRecordsUpdated: recordsUpdated(answer) }
    if (formatRecordsAs === 'JSON') {
      const names = answer.fields.map(({ name }) => name)
      return { ...updated, formattedRecords: jsonRecords(answer.rows, names, types) }
    }
    return {
      ...updated,
      ...(answer.fields.length > 0 ? { records: typedRecords(answer.rows, types) } : {}),
      ...(includeResultMetadata ? { columnMetadata: columnMetadata(answer.fields, types) } : {}),
    }
  })
}

/** All sets in one transaction: the call's own, unless it names one. */
async function batchExecute(sessions: Sessions, request: ApiRequest, place: Place): Promise<object> {
  const { sql = '', parameterSets = [[]], transactionId } = request
  return sessions.use(place, transactionId, async (client) => {
    if (!transactionId) await client.query('begin')
    try {
      for (const parameters of parameterSets) await sessions.run(client, bindParameters(sql, parameters))
    } catch (error) {
      if (!transactionId) await client.query('rollback')
      throw error
    }
    if (!transactionId) await client.query('commit')
    return { updateResults: parameterSets.map(() => ({ generatedFields: [] })) }
  })
}

function recordsUpdated({ command, rowCount, fields }: Answer): number {
  return fields.length === 0 && /^(INSERT|UPDATE|DELETE|MERGE)$/.test(command) ? (rowCount ?? 0) : 0
}
