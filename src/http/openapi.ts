import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Auth } from '../auth/auth.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import { jsonSchemaOf } from '../key/schema-type.ts'
import type { Access, AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import type { Updater } from '../updater/definition.ts'
import { isPublic } from './access.ts'
import { afterHeader, changedPath } from './openapi-change.ts'
import { openApiComponents, problemResponses, requestParameters } from './openapi-components.ts'
import { acceptedResponse, cachedWriteParameters, writePath } from './openapi-writes.ts'

type Schema = Readonly<Record<string, unknown>>

/** The API of these primers and updaters as OpenAPI 3.1. */
export function openApiOf(registry: Registry, auth: Auth): Schema {
  const primers = [...registry.primers.values()]
  const updaters = [...registry.updaters.values()]
  const open = (access: Access | null, types: ParameterTypes) => isPublic(auth, { access, types, parameters: {} })
  return {
    openapi: '3.1.1',
    info: { title: 'Data products', version: '1', description: 'Served by KCK.' },
    paths: Object.fromEntries([
      ...primers.map((primer) => productPath(primer, open(primer.access, primer.parameters))),
      ['/fetch', fetchManyPath],
      ['/changed', changedPath(auth)],
      ...updaters.flatMap((updater) => updaterPaths(updater, open(updater.access, updater.key))),
      ...(updaters.length > 0 ? [['/writes/{id}', writePath] as const] : []),
      ['/healthz', healthPath],
    ]),
    components: openApiComponents,
  }
}

const publicOnly: readonly Schema[] = [{}]
const withToken: readonly Schema[] = [{ bearer: [] }]

function productPath(primer: AnyPrimer, open: boolean): readonly [string, Schema] {
  const parameters: ParameterTypes = primer.parameters
  const names = Object.keys(parameters)
  const path = ['', 'fetch', primer.name, ...names.map((name) => `{${name}}`)].join('/')
  const common = {
    tags: [primer.name],
    parameters: [...pathParameters(parameters), ...requestParameters],
    security: open ? publicOnly : withToken,
  }
  const description = primer.description === null ? {} : { description: primer.description }
  return [
    path,
    {
      get: {
        operationId: `fetch_${primer.name}`,
        summary: `Fetch ${primer.name}`,
        ...description,
        ...common,
        responses: {
          '200': {
            description: 'The value',
            headers: {
              ETag: { $ref: '#/components/headers/ETag' },
              Age: { $ref: '#/components/headers/Age' },
              'Cache-Status': { $ref: '#/components/headers/CacheStatus' },
              'KCK-State': { $ref: '#/components/headers/State' },
            },
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Fetched' } } },
          },
          '304': { description: 'The caller has it already' },
          ...problemResponses(['400', '401', '403', '404', '503', '504']),
        },
      },
      delete: {
        operationId: `invalidate_${primer.name}`,
        summary: `Mark ${primer.name} stale, or remove it with ?purge`,
        tags: [primer.name],
        parameters: [
          ...pathParameters(parameters),
          { name: 'purge', in: 'query', required: false, allowEmptyValue: true, schema: { type: 'string' } },
        ],
        responses: {
          '200': json('What was done', { type: 'object', properties: { key: { type: 'string' } }, required: ['key'] }),
          ...problemResponses(['400', '401', '403', '404', '503']),
        },
      },
    },
  ]
}

function updaterPaths(updater: Updater, open: boolean): readonly (readonly [string, Schema])[] {
  const names = Object.keys(updater.key)
  const base = `/update/${updater.name}`
  const operation = (verb: string, parameters: ParameterTypes): Schema => ({
    operationId: `${verb}_${updater.name}`,
    summary: `${verb === 'update' ? 'Update' : 'Create'} ${updater.name}`,
    ...(updater.description === null ? {} : { description: updater.description }),
    tags: [updater.name],
    parameters: [...pathParameters(parameters), ...cachedWriteParameters],
    security: open ? publicOnly : withToken,
    requestBody: {
      required: true,
      content: { 'application/json': { schema: bodySchema(updater) } },
    },
    responses: {
      '200': {
        ...json('What was written and which products it made stale', { $ref: '#/components/schemas/Updated' }),
        headers: afterHeader,
      },
      '202': acceptedResponse,
      ...problemResponses(['400', '401', '403', '404', '409', '413', '415', '422', '503', '504']),
    },
  })
  const keyed = [base, ...names.map((name) => `{${name}}`)].join('/')
  if (names.length === 0) return [[base, { put: operation('update', {}), post: operation('create', {}) }]]
  return [
    [keyed, { put: operation('update', updater.key) }],
    [base, { post: operation('create', {}) }],
  ]
}

function pathParameters(types: ParameterTypes): readonly Schema[] {
  return Object.entries(types).map(([name, type]) => ({ name, in: 'path', required: true, schema: type.jsonSchema }))
}

function bodySchema({ body, optional }: Updater): Schema {
  if ('~standard' in body) return jsonSchemaOf(body as StandardSchemaV1)
  const types = Object.entries(body as ParameterTypes)
  const required = types.map(([name]) => name).filter((name) => !optional.includes(name))
  return {
    type: 'object',
    properties: Object.fromEntries(types.map(([name, type]) => [name, type.jsonSchema])),
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  }
}

function json(description: string, schema: Schema): Schema {
  return { description, content: { 'application/json': { schema } } }
}

const fetchManyPath: Schema = {
  post: {
    operationId: 'fetch_many',
    summary: 'Fetch many products; each has its own status',
    parameters: requestParameters,
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            properties: { keys: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 100 } },
            required: ['keys'],
            additionalProperties: false,
          },
        },
      },
    },
    responses: {
      '200': json('One result per key, in order', {
        type: 'object',
        properties: { results: { type: 'array', items: { $ref: '#/components/schemas/Result' } } },
        required: ['results'],
      }),
      ...problemResponses(['400', '401', '413', '415', '422', '503', '504']),
    },
  },
}

const healthPath: Schema = {
  get: {
    operationId: 'health',
    summary: 'Whether every part answers, and how fast',
    security: publicOnly,
    responses: {
      '200': json('All parts answer', { $ref: '#/components/schemas/Health' }),
      '503': json('A part does not answer', { $ref: '#/components/schemas/Health' }),
    },
  },
}
