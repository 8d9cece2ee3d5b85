import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CloudFormationCustomResourceResponse } from 'aws-lambda'
import type { LambdaFunction } from '../lambda/function.ts'
import type { Templates } from './templates.ts'

/** Hands the custom resource of the templates to its function, as CloudFormation does, and takes the answer. */
export async function deploy(
  templates: Templates,
  functionOf: (arn: string) => LambdaFunction,
): Promise<CloudFormationCustomResourceResponse> {
  const resource = templates.resources.find(
    ({ type }) => type.startsWith('Custom::') || type.endsWith('::CustomResource'),
  )
  if (!resource) throw new Error('The templates have no custom resource')
  const answered = Promise.withResolvers<CloudFormationCustomResourceResponse>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    response.end()
    answered.resolve(JSON.parse(Buffer.concat(chunks).toString()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ResourceProperties = templates.resolved(resource)
  const event = {
    RequestType: 'Create',
    ServiceToken: ResourceProperties.ServiceToken,
    ResponseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer`,
    StackId: `arn:aws:cloudformation:eu-central-1:123456789012:stack/${resource.stack}/1`,
    RequestId: 'request-1',
    LogicalResourceId: resource.id,
    ResourceType: resource.type,
    ResourceProperties,
  }
  try {
    const outcome = await functionOf(ResourceProperties.ServiceToken).invoke(event)
    if ('error' in outcome) throw new Error(`The deploy hook failed: ${JSON.stringify(outcome.error)}`)
    return await answered.promise
  } finally {
    server.close()
    server.closeAllConnections()
  }
}
