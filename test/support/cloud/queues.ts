import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { CreateQueueCommand } from '@aws-sdk/client-sqs'
import { buildApp } from 'fauxqs'
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts'
import { sqsClient } from '../sqs/client.ts'
import type { Resource, Templates } from './templates.ts'

/** SQS and S3 in this process, behind something that can break the connections to them. */
export interface Storage {
  /** For the functions. */
  readonly endpoint: string
  /** For others, and never disturbed. */
  readonly sqs: ReturnType<typeof sqsClient>
  readonly proxy: FaultProxy
  stop(): Promise<void>
}

const region = 'eu-central-1'

export async function startStorage(): Promise<Storage> {
  const app = buildApp({ logger: false, defaultRegion: region })
  const direct = await app.listen({ host: '127.0.0.1', port: 0 })
  const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(direct).port) })
  const sqs = sqsClient(direct)
  return {
    endpoint: `http://127.0.0.1:${proxy.port}`,
    sqs,
    proxy,
    async stop() {
      sqs.destroy()
      await proxy.close()
      await app.close()
    },
  }
}

/** The templates' queues; those that others name first. `scale` divides every visibility timeout. */
export async function createQueues(templates: Templates, { sqs, endpoint }: Storage, scale: number): Promise<void> {
  const queues = templates.ofType('AWS::SQS::Queue')
  for (const queue of queues) templates.identify(queue, identityOf(queue, templates, endpoint))
  for (const queue of queues) {
    const { QueueName: _, RedrivePolicy, VisibilityTimeout, DelaySeconds } = templates.resolved(queue)
    const Attributes = {
      ...(RedrivePolicy ? { RedrivePolicy: JSON.stringify(RedrivePolicy) } : {}),
      ...(VisibilityTimeout ? { VisibilityTimeout: String(Math.max(1, Math.round(VisibilityTimeout / scale))) } : {}),
      ...(DelaySeconds ? { DelaySeconds: String(DelaySeconds) } : {}),
    }
    await sqs.send(new CreateQueueCommand({ QueueName: nameOf(queue, templates), Attributes }))
  }
}

const nameOf = (queue: Resource, templates: Templates): string =>
  String(templates.resolved(queue).QueueName ?? `${queue.stack}-${queue.id}`).slice(0, 80)

function identityOf(queue: Resource, templates: Templates, endpoint: string) {
  const name = nameOf(queue, templates)
  const url = `${endpoint}/000000000000/${name}`
  return { ref: url, attributes: { Arn: `arn:aws:sqs:${region}:000000000000:${name}`, QueueName: name, QueueUrl: url } }
}

export async function createBuckets(templates: Templates, { endpoint }: Storage): Promise<void> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials })
  for (const bucket of templates.ofType('AWS::S3::Bucket')) {
    const name = String(templates.resolved(bucket).BucketName ?? `${bucket.stack}-${bucket.id}`)
      .toLowerCase()
      .slice(0, 63)
    templates.identify(bucket, { ref: name, attributes: { Arn: `arn:aws:s3:::${name}` } })
    await client.send(new CreateBucketCommand({ Bucket: name }))
  }
  client.destroy()
}
