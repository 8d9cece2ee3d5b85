type Schema = Readonly<Record<string, unknown>>

const text = { type: 'string' }
const count = { type: 'integer', minimum: 0 }

const problem: Schema = {
  type: 'object',
  description: 'RFC 9457',
  properties: {
    type: { type: 'string', format: 'uri' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    code: text,
    requestId: text,
    details: { type: 'object' },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
}

const fetched: Schema = {
  type: 'object',
  properties: { key: text, value: {}, version: { type: 'integer' }, modified: { type: 'string', format: 'date-time' } },
  required: ['key', 'value', 'version', 'modified'],
}

const result: Schema = {
  oneOf: [
    {
      allOf: [
        { $ref: '#/components/schemas/Fetched' },
        {
          type: 'object',
          properties: { status: { const: 200 }, state: { enum: ['fresh', 'stale', 'failed'] }, age: count },
          required: ['status', 'state', 'age'],
        },
      ],
    },
    {
      type: 'object',
      properties: {
        status: { type: 'integer', minimum: 400 },
        key: text,
        problem: { $ref: '#/components/schemas/Problem' },
      },
      required: ['status', 'key', 'problem'],
    },
  ],
}

const updated: Schema = {
  type: 'object',
  properties: {
    success: { const: true },
    updater: text,
    mode: { enum: ['insert', 'update'] },
    rowCount: count,
    rows: { type: 'array', items: { type: 'object' } },
    changed: { type: 'array', items: text },
    changedCount: count,
    after: text,
  },
  required: ['success', 'updater', 'mode', 'rowCount', 'rows', 'changed', 'changedCount', 'after'],
}

const health: Schema = {
  type: 'object',
  properties: {
    ok: { type: 'boolean' },
    parts: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: { ok: { type: 'boolean' }, ms: { type: 'number' }, code: text, lagMs: { type: 'number' } },
        required: ['ok', 'ms'],
      },
    },
  },
  required: ['ok', 'parts'],
}

/** What all paths share. */
export const openApiComponents: Schema = {
  securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
  schemas: { Problem: problem, Fetched: fetched, Result: result, Updated: updated, Health: health },
  headers: {
    After: { description: 'For KCK-After of a fetch that must have seen this', schema: { type: 'string' } },
    ETag: { description: 'For If-None-Match', schema: text },
    Age: { description: 'Seconds since the sources were read', schema: count },
    CacheStatus: { description: 'RFC 9211: hit or why not, seconds to live, tier', schema: text },
    State: { description: 'Whether a newer value is being made', schema: { enum: ['fresh', 'stale', 'failed'] } },
  },
  responses: {
    Problem: {
      description: 'What went wrong',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  },
}

export function problemResponses(statuses: readonly string[]): Schema {
  return Object.fromEntries(statuses.map((status) => [status, { $ref: '#/components/responses/Problem' }]))
}

/** What a caller may ask of any fetch; the same as `Cache-Control` directives. */
export const requestParameters: readonly Schema[] = [
  { name: 'max_age', description: 'No older than this, in seconds', schema: count },
  { name: 'max_stale', description: 'Stale for at most this long, in seconds', schema: count },
  { name: 'min_fresh', description: 'Fresh for at least this long, in seconds', schema: count },
  { name: 'only_if_cached', description: 'Never compute', schema: { type: 'boolean' } },
  { name: 'no_cache', description: 'Compute from sources read from now on', schema: { type: 'boolean' } },
]
  .map((parameter): Schema => ({ ...parameter, in: 'query', required: false }))
  .concat({
    name: 'KCK-After',
    in: 'header',
    required: false,
    description: 'What writes answered with, several with commas between: no value that has not seen them',
    schema: { type: 'string' },
  })
