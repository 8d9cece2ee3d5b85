import { type Client, errors, type QueryOptions, types } from 'cassandra-driver'
import { KeyspacesDialectClient } from './keyspaces-dialect.ts'

/** What happens to a statement: it is executed or not, and answered with an error. Undefined: nothing. */
export interface Mishap {
  readonly executed: boolean
  readonly error: Error
  /** Done before the error is answered. */
  readonly meanwhile?: () => Promise<unknown>
}

/** Asked for every statement, before it is sent. */
export type Fate = (cql: string) => Mishap | undefined

/** A client that executes statements and says it has not, or the other way round. */
export class ChaosClient extends KeyspacesDialectClient {
  #fate: Fate = () => undefined

  fated(fate: Fate): this {
    this.#fate = fate
    const execute = this.execute
    this.execute = (async (cql: string, values: unknown[], options: QueryOptions) => {
      const mishap = this.#fate(cql)
      if (mishap === undefined) return execute(cql, values, options)
      if (mishap.executed) await execute(cql, values, options)
      await mishap.meanwhile?.()
      throw mishap.error
    }) as unknown as Client['execute']
    return this
  }
}

const CAS_WRITE_UNKNOWN = 0x1700
const { responseErrorCodes: codes } = types
const response = (code: number, text: string) => Reflect.construct(errors.ResponseError, [code, text]) as Error

/** What a server or the driver says when the outcome of a conditional write is not known. */
export const doubts: Readonly<Record<string, () => Error>> = {
  'a write timeout (CAS)': () =>
    Object.assign(response(codes.writeTimeout, 'CAS operation timed out'), { writeType: 'CAS' }),
  'a write timeout (SIMPLE)': () =>
    Object.assign(response(codes.writeTimeout, 'Operation timed out'), { writeType: 'SIMPLE' }),
  'a read timeout': () => response(codes.readTimeout, 'Operation timed out'),
  'too few replicas': () => response(codes.unavailableException, 'Cannot achieve consistency level'),
  CAS_WRITE_UNKNOWN: () => response(CAS_WRITE_UNKNOWN, 'CAS operation result is unknown'),
  'a server error': () => response(codes.serverError, 'Internal error'),
  'no answer': () => Reflect.construct(errors.OperationTimedOutError, ['The host did not reply', '127.0.0.1']) as Error,
  'a closed socket': () =>
    Object.assign(Reflect.construct(errors.DriverError, ['Socket was closed']) as Error, { isSocketError: true }),
}

export const overloaded = (): Error => response(codes.overloaded, 'Request throttled')
