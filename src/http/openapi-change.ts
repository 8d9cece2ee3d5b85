import type { Auth } from '../auth/auth.ts'
import { noSubject } from './change-route.ts'
import { problemResponses } from './openapi-components.ts'

type Schema = Readonly<Record<string, unknown>>

/** For the answers of writes; a fetch takes it back as a request header. */
export const afterHeader: Schema = { 'KCK-After': { $ref: '#/components/headers/After' } }

const text = { type: 'string', minLength: 1 }
const texts = { type: 'array', items: text, minItems: 1, maxItems: 1000 }

const change: Schema = {
  type: 'object',
  properties: {
    table: { ...text, description: '`orders` or `sales.orders`' },
    source: { ...text, description: 'Default: the only one' },
    rows: {
      type: 'array',
      items: { type: 'object' },
      minItems: 1,
      maxItems: 1000,
      description: 'What stands, and stood, in the changed rows. Missing: any row may have changed',
    },
    keys: { ...texts, description: 'Products' },
    tags: texts,
  },
  anyOf: [{ required: ['table'] }, { required: ['keys'] }, { required: ['tags'] }],
  additionalProperties: false,
}

const marked: Schema = {
  type: 'object',
  properties: {
    marked: { type: 'integer', minimum: 0, description: 'Products made stale' },
    keys: { type: 'array', items: { type: 'string' }, description: 'At most 100 of them' },
    after: { type: 'string', description: 'As the header KCK-After' },
  },
  required: ['marked', 'keys', 'after'],
}

/** `/changed`. */
export function changedPath(auth: Auth): Schema {
  return {
    post: {
      operationId: 'changed',
      summary: 'Say what changed outside; what rests on it is stale when this is answered',
      parameters: [
        {
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          description: 'The same for repetitions of one request; remembered for a day',
          schema: { type: 'string', minLength: 1, maxLength: 255 },
        },
      ],
      security: isOpen(auth) ? [{}] : [{ bearer: [] }],
      requestBody: { required: true, content: { 'application/json': { schema: change } } },
      responses: {
        '200': {
          description: 'What was marked',
          headers: afterHeader,
          content: { 'application/json': { schema: marked } },
        },
        ...problemResponses(['400', '401', '403', '404', '413', '415', '422', '503', '504']),
      },
    },
  }
}

function isOpen(auth: Auth): boolean {
  try {
    auth.authorize('change', null, null, noSubject)
    return true
  } catch {
    return false
  }
}
