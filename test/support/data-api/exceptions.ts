/** An error as the Data API answers it. */
export class DataApiException extends Error {
  readonly type: ExceptionType
  readonly status: number

  constructor(type: ExceptionType, message: string, options?: ErrorOptions) {
    super(message, options)
    this.type = type
    this.status = STATUS[type]
  }
}

const STATUS = {
  BadRequestException: 400,
  DatabaseErrorException: 400,
  DatabaseResumingException: 400,
  DatabaseUnavailableException: 504,
  ForbiddenException: 403,
  InternalServerErrorException: 500,
  ServiceUnavailableError: 503,
  StatementTimeoutException: 400,
  ThrottlingException: 400,
  TransactionNotFoundException: 404,
  UnsupportedResultException: 400,
} as const

export type ExceptionType = keyof typeof STATUS

export function badRequest(message: string): DataApiException {
  return new DataApiException('BadRequestException', message)
}

/** PostgreSQL's refusal in the Data API's wording; a lost connection is the writer being away. */
export function fromPostgres(error: unknown): DataApiException {
  if (error instanceof DataApiException) return error
  const { code, message, position } = error as { code?: string; message: string; position?: string }
  if (!code || !/^(?=.*\d)[0-9A-Z]{5}$/.test(code) || /^(08|57P)/.test(code)) {
    return new DataApiException('DatabaseUnavailableException', 'The writer instance is not available', {
      cause: error,
    })
  }
  if (code === '57014') {
    return new DataApiException('StatementTimeoutException', 'The statement took longer than its timeout', {
      cause: error,
    })
  }
  const where = position ? `; Position: ${position}` : ''
  return new DataApiException('DatabaseErrorException', `ERROR: ${message}${where}; SQLState: ${code}`, {
    cause: error,
  })
}
