import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFailed, test } from 'vitest'
import { type CloudTarget, startCloudTarget } from '../support/cloud/cloud-target.ts'
import type { Cut } from '../support/fault-proxy.ts'
import { runtimeClientOrNull } from '../support/lambda/runtime-client.ts'
import { endToEnd } from './end-to-end.ts'

const cassandra = inject('cassandra')
const canRun = cassandra !== null && (await runtimeClientOrNull()) !== null

describe.skipIf(!canRun)('the cloud on one machine', () => {
  let target: CloudTarget
  beforeAll(async () => {
    if (cassandra) target = await startCloudTarget(cassandra)
  })
  afterAll(() => target?.stop())
  beforeEach(() => onTestFailed(() => void process.stderr.write(target.log())))

  endToEnd(() => target)

  const patience = { timeout: 40_000, interval: 100 }
  const functionOf = (name: string) => {
    const found = target.cloud.functions.get(`kck-${name}`)
    if (!found) throw new Error(`There is no function kck-${name}`)
    return found
  }
  const queueUrl = (name: string) => `${target.cloud.storage.endpoint}/000000000000/kck-${name}`

  async function value(key: string): Promise<unknown> {
    const answer = await fetch(`${target.url}/fetch/${key}`)
    expect(answer.status, key).toBe(200)
    return ((await answer.json()) as { value: unknown }).value
  }

  async function update(path: string, body: object): Promise<number> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${await target.token()}` }
    return (await fetch(`${target.url}/update/${path}`, { method: 'PUT', headers, body: JSON.stringify(body) })).status
  }

  test('changes: a message and an event of a bus mark what they name', async () => {
    const { sqs } = target.cloud.storage
    const say = (body: unknown) =>
      sqs.send(new SendMessageCommand({ QueueUrl: queueUrl('changes'), MessageBody: JSON.stringify(body) }))
    const count = async () => ((await value('orders/4')) as unknown[]).length
    const before = await count()
    const insert = () => target.query('insert into orders (customer, amount) values (4, 1) returning id')
    await insert()
    await say({ table: 'orders', rows: [{ customer: 4 }] })
    await expect.poll(count, patience).toBe(before + 1)
    await insert()
    await say({ id: 'e-1', 'detail-type': 'orders', source: 'import', detail: { keys: ['orders/4'] } })
    await expect.poll(count, patience).toBe(before + 2)
  })

  const cuts: readonly (Cut | 'left alone')[] = ['left alone', 'closed', 'reset', 'dropped']
  test.each(cuts)('freeze: ten minutes later, with connections that were %s, all functions go on', async (how) => {
    const { cloud } = target
    const [share] = (await target.query('select stock from item where id = 9')) as { stock: number }[]
    expect(await update('order/9', { amount: 1 })).toBe(200)
    await expect.poll(() => value('share/9'), patience).toBe(Math.floor(100 / (share?.stock ?? 1)))
    await cloud.scheduler.fire('every-minute')
    const names = ['fetch', 'update', 'refresh-worker', 'process-worker']
    const before = names.map((name) =>
      functionOf(name)
        .environments()
        .map(({ pid }) => pid),
    )

    await cloud.pass(600_000)
    if (how !== 'left alone')
      for (const part of [cloud.keyspaces, cloud.dataApi.proxy, cloud.storage.proxy]) part.cut(how)

    const orders = await value('orders/9')
    expect(orders).toEqual(expect.any(Array))
    expect(await update('stock/9', { stock: (share?.stock ?? 1) + 1 })).toBe(200)
    await expect.poll(() => value('share/9'), patience).toBe(Math.floor(100 / ((share?.stock ?? 1) + 1)))
    expect(await functionOf('process-worker').invoke({})).toEqual({ result: null })
    const after = names.map((name) =>
      functionOf(name)
        .environments()
        .map(({ pid }) => pid),
    )
    for (const [index, pids] of before.entries())
      expect(after[index], names[index]).toEqual(expect.arrayContaining(pids))
  })

  test('dead letters: what nobody can read ends there, and the rest of its batch does not', async () => {
    const { sqs } = target.cloud.storage
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl('normal'), MessageBody: 'no message of ours' }))
    const dead = new ReceiveMessageCommand({ QueueUrl: queueUrl('normal-dead'), WaitTimeSeconds: 1 })
    const texts = async () => ((await sqs.send(dead)).Messages ?? []).map(({ Body }) => Body)
    await expect.poll(texts, patience).toEqual(['no message of ours'])
  })

  test('redelivery: what a killed worker held is done by the next one', async () => {
    const kill = async () => {
      await functionOf('refresh-worker').kill()
    }
    expect(await value('share/10')).toBe(10)
    const killing = setInterval(() => void kill(), 50)
    expect(await update('stock/10', { stock: 20 })).toBe(200)
    await expect
      .poll(() => target.cloud.eventSources.reduce((sum, { batches }) => sum + batches, 0), patience)
      .toBeGreaterThan(0)
    clearInterval(killing)
    await expect.poll(() => value('share/10'), patience).toBe(5)
  })

  test('Keyspaces had nothing to refuse', () => {
    expect(target.cloud.keyspaces.refusals).toEqual([])
  })

  test('schedules: the one of the night has its turn when the night has come', async () => {
    const { cloud } = target
    const closing = async () => (await fetch(`${target.url}/fetch/closing`)).headers.get('kck-as-of')
    await expect.poll(closing, patience).not.toBe(null)
    const before = await closing()
    const night = new Date(cloud.now()).setUTCHours(27, 0, 1)
    await cloud.pass(night - cloud.now())
    await cloud.scheduler.fire('primer-closing')
    await expect.poll(closing, patience).not.toBe(before)
  })

  test('snapshots: in its turn the process worker writes one of what is replicated to the bucket', async () => {
    const { cloud } = target
    const worker = functionOf('process-worker')
    const { KCK_REPLICA_BUCKET: Bucket = '' } = worker.settings.environment
    const s3 = new S3Client({
      endpoint: cloud.storage.endpoint,
      region: 'eu-central-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    })
    const ticked = async () => {
      expect(await worker.invoke({})).toEqual({ result: null })
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'replica/products/' }))
      return Contents.map(({ Key = '' }) => Key.split('.').at(-1))
    }
    expect(await value('packs/2')).toBe(12)
    // The first time that it is seen is when its time begins.
    await ticked()
    await cloud.pass(6 * 3_600_000)
    await expect.poll(ticked, patience).toEqual(expect.arrayContaining(['data', 'json']))
    s3.destroy()
    // What was signed before the hours passed and sent after them is signed again.
    expect(cloud.keyspaces.refusals.filter((why) => why !== 'the signature has expired')).toEqual([])
  })

  test('in the end the queues are empty', async () => {
    const waiting = async (name: string) => {
      const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const
      const get = new GetQueueAttributesCommand({ QueueUrl: queueUrl(name), AttributeNames: [...AttributeNames] })
      const { Attributes = {} } = await target.cloud.storage.sqs.send(get)
      return AttributeNames.reduce((sum, each) => sum + Number(Attributes[each]), 0)
    }
    const all = async () => Promise.all(['hot', 'normal', 'idle'].map(waiting))
    await expect.poll(all, patience).toEqual([0, 0, 0])
  })
})
