import { afterHeader } from './openapi-change.ts'
import { problemResponses } from './openapi-components.ts'

type Schema = Readonly<Record<string, unknown>>

const id = { type: 'string', description: 'As in Location' }

const accepted: Schema = {
  type: 'object',
  properties: {
    success: { const: true },
    id,
    updater: { type: 'string' },
    state: { const: 'accepted' },
    shown: { type: 'array', items: { type: 'string' }, description: 'Products that show it from now on' },
    after: { type: 'string', description: 'As the header KCK-After' },
  },
  required: ['success', 'id', 'updater', 'state', 'shown', 'after'],
}

const status: Schema = {
  type: 'object',
  properties: {
    id,
    updater: { type: 'string' },
    body: { type: 'object' },
    state: { enum: ['accepted', 'applied', 'parked', 'discarded'] },
    acceptedAt: { type: 'integer', description: 'Milliseconds since 1970' },
    error: {
      type: 'object',
      properties: { code: { type: 'string' }, message: { type: 'string' } },
      required: ['code', 'message'],
      description: 'Why it is parked',
    },
    as: { type: 'string', description: 'It waits again, or was applied, under this id' },
  },
  required: ['id', 'updater', 'body', 'state', 'acceptedAt'],
}

/** Request headers of a write that may wait. */
export const cachedWriteParameters: readonly Schema[] = [
  {
    name: 'Prefer',
    in: 'header',
    required: false,
    description: 'respond-async: answer 202 when the write is durable, before the source has it',
    schema: { type: 'string' },
  },
  {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'Of writes that wait: the same for repetitions of one write',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
]

/** The answer to a write that waits. */
export const acceptedResponse: Schema = {
  description: 'Accepted: it is durable, and applied later',
  headers: { ...afterHeader, Location: { description: 'Where to ask', schema: { type: 'string' } } },
  content: { 'application/json': { schema: accepted } },
}

/** `/writes/{id}`. */
export const writePath: Schema = {
  get: {
    operationId: 'write_status',
    summary: 'What became of a write that was accepted',
    parameters: [{ name: 'id', in: 'path', required: true, schema: id }],
    responses: {
      '200': { description: 'Its state', content: { 'application/json': { schema: status } } },
      ...problemResponses(['401', '403', '404', '503']),
    },
  },
}
