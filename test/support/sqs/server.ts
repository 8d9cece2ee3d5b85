import { CreateQueueCommand, GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { buildApp } from 'fauxqs'
import type { SqsCallOptions } from '../../../src/adapters/sqs/calls.ts'
import type { Lane } from '../../../src/ports/refresh-queue.ts'
import { sqsClient } from './client.ts'

/** Deliveries of a message after which it goes to the dead-letter queue. */
const MAX_RECEIVES = 5

export interface TestLanes {
  /** For `createSqsRefreshQueue`. */
  readonly urls: Record<Lane, string>
  readonly deadLetters: Record<Lane, string>
  /** As `eventSourceARN` names a lane's queue. */
  readonly arns: Record<Lane, string>
}

export interface SqsServer {
  readonly endpoint: string
  readonly port: number
  readonly client: SQSClient
  /** Three new queues with a dead-letter queue each. */
  createLanes(): Promise<TestLanes>
  close(): Promise<void>
}

/**
 * An SQS server in this process, on a free loopback port; its own start-up would listen on every address. With
 * `KCK_SQS_ENDPOINT` the server there instead, ElasticMQ for a second opinion.
 */
export async function startSqs(): Promise<SqsServer> {
  const given = process.env['KCK_SQS_ENDPOINT']
  const app = given ? null : buildApp({ logger: false, defaultRegion: 'eu-central-1' })
  const endpoint = given ?? (await app?.listen({ host: '127.0.0.1', port: 0 })) ?? ''
  const client = sqsClient(endpoint)
  const run = `kck-${process.pid}-${Date.now().toString(36)}`
  let count = 0
  const create = async (name: string, Attributes: Record<string, string> = {}) => {
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes }))
    const get = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] })
    return { url: QueueUrl, arn: (await client.send(get)).Attributes?.['QueueArn'] ?? '' }
  }
  const createLane = async (lane: Lane, number: number) => {
    const dead = await create(`${run}-${number}-${lane}-dead`)
    const policy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: MAX_RECEIVES })
    return { dead: dead.url, ...(await create(`${run}-${number}-${lane}`, { RedrivePolicy: policy })) }
  }
  return {
    endpoint,
    port: Number(new URL(endpoint).port),
    client,
    async createLanes() {
      const number = count++
      const [hot, normal, idle] = await Promise.all([
        createLane('hot', number),
        createLane('normal', number),
        createLane('idle', number),
      ])
      return {
        urls: { hot: hot.url, normal: normal.url, idle: idle.url },
        deadLetters: { hot: hot.dead, normal: normal.dead, idle: idle.dead },
        arns: { hot: hot.arn, normal: normal.arn, idle: idle.arn },
      }
    },
    async close() {
      client.destroy()
      await app?.close()
    },
  }
}

/** What `createSqsRefreshQueue` needs for lanes of this server. */
export function queueOptions({ client }: SqsServer, { urls }: TestLanes): SqsCallOptions {
  return { urls, client }
}
