import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse } from 'aws-lambda'
import { describe, expect, it } from 'vitest'
import { signedHeaders } from '../../../functions/aws-request.ts'
import { respond } from '../../../functions/cloudformation.ts'
import { createDeployHandler, type DeployOptions } from '../../../functions/deploy-handler.ts'
import { KckError } from '../../../src/errors.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { contextOf } from '../../support/sqs/event.ts'

const eventOf = (RequestType: string) =>
  ({
    RequestType,
    ResponseURL: 'http://127.0.0.1/answer',
    StackId: 'stack',
    RequestId: 'request',
    LogicalResourceId: 'Deployment',
    ResourceProperties: { Databases: ['shop'] },
  }) as unknown as CloudFormationCustomResourceEvent

/** Runs the hook and returns what it did, in order, and what CloudFormation was told. */
async function deploy(RequestType: string, over: Partial<DeployOptions> & { readonly storeOk?: boolean } = {}) {
  const done: string[] = []
  const answers: CloudFormationCustomResourceResponse[] = []
  const clock = new VirtualClock()
  const { storeOk = true, ...options } = over
  const handler = createDeployHandler({
    clock,
    prepare: async ({ Databases }) => {
      done.push(`prepare ${Databases}`)
    },
    system: async () => ({
      kck: { health: async () => ({ ok: storeOk, parts: { store: { ok: storeOk, ms: 1 } } }) },
      worker: {
        tick: async (_signal, only) => {
          done.push(`tick ${only}`)
        },
      },
    }),
    respond: async (_url, answer) => {
      answers.push(answer)
    },
    ...options,
  })
  await clock.run(handler(eventOf(RequestType), contextOf(60_000)))
  return { done, answer: answers[0], answers }
}

describe('the deploy hook', () => {
  it.each(['Create', 'Update'])('prepares the databases and then begins the deployment: %s', async (type) => {
    const { done, answer } = await deploy(type)
    expect(done).toEqual(['prepare shop', 'tick boot'])
    expect(answer).toMatchObject({
      Status: 'SUCCESS',
      PhysicalResourceId: 'kck-deployment',
      LogicalResourceId: 'Deployment',
    })
  })

  it('leaves everything as it is when the stack is deleted', async () => {
    const { done, answer } = await deploy('Delete')
    expect(done).toEqual([])
    expect(answer?.Status).toBe('SUCCESS')
  })

  it('fails the deployment of what cannot start, in the words of the setting', async () => {
    const system = () => Promise.reject(new KckError('INVALID_CONFIG', 'The settings are refused: limits.deadline'))
    const { done, answer, answers } = await deploy('Update', { system })
    expect(done).toEqual(['prepare shop'])
    expect(answer?.Status).toBe('FAILED')
    expect((answer as { Reason?: string }).Reason).toContain('limits.deadline')
    expect(answers).toHaveLength(1)
  })

  it('fails the deployment when the store does not answer, and asks it for nothing', async () => {
    const { done, answer } = await deploy('Create', { storeOk: false })
    expect(done).toEqual(['prepare shop'])
    expect((answer as { Reason?: string }).Reason).toContain('store')
  })

  it('says nothing of what an unexpected error holds', async () => {
    const prepare = () => Promise.reject(new Error('password authentication failed for hunter2'))
    const { answer } = await deploy('Create', { prepare })
    expect(JSON.stringify(answer)).not.toContain('hunter2')
  })

  it('answers before its time is over, whatever still goes on', async () => {
    const prepare: DeployOptions['prepare'] = (_properties, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const { answer } = await deploy('Create', { prepare })
    expect(answer?.Status).toBe('FAILED')
  })
})

describe('the answer to CloudFormation', () => {
  it('is put where it said, again when that failed', async () => {
    const bodies: string[] = []
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      bodies.push(`${request.method} ${Buffer.concat(chunks)}`)
      response.writeHead(bodies.length === 1 ? 503 : 200).end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const answer = { Status: 'SUCCESS' } as CloudFormationCustomResourceResponse
      await respond(`http://127.0.0.1:${(server.address() as AddressInfo).port}/signed?x=1`, answer)
    } finally {
      server.close()
    }
    expect(bodies).toEqual(['PUT {"Status":"SUCCESS"}', 'PUT {"Status":"SUCCESS"}'])
  })
})

describe('a signed request', () => {
  // The example "post-vanilla" that AWS published for Signature Version 4.
  it('has the signature of the published example', () => {
    const { authorization } = signedHeaders({
      service: 'service',
      region: 'us-east-1',
      host: 'example.amazonaws.com',
      body: '',
      headers: {},
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
      at: Date.UTC(2015, 7, 30, 12, 36),
    })
    expect(authorization).toBe(
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, ' +
        'Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    )
  })
})
