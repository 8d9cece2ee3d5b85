import { CreateBucketCommand, DeleteObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { buildApp } from 'fauxqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createS3LargeBodies } from '../../src/adapters/s3/large-bodies.ts'
import type { LargeBodies } from '../../src/ports/large-bodies.ts'

const Bucket = 'kck-large-bodies'
const bytes = Buffer.from(JSON.stringify({ value: 'x'.repeat(5_000_000) }))
const body = (name: string) => ({ name, contentType: 'application/json', bytes })

let app: ReturnType<typeof buildApp>
let client: S3Client
let puts = 0
let now = Date.now()

/** One of another process each: none knows what the others wrote. */
const open = (): LargeBodies => createS3LargeBodies({ bucket: Bucket, client, clock: { now: () => now } })

beforeAll(async () => {
  // Its own start-up would listen on every address.
  app = buildApp({ logger: false, defaultRegion: 'eu-central-1' })
  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 })
  client = new S3Client({
    endpoint,
    region: 'eu-central-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (call) => {
        if (commandName === 'PutObjectCommand') puts += 1
        return next(call)
      },
    { step: 'initialize' },
  )
  await client.send(new CreateBucketCommand({ Bucket }))
})
afterAll(async () => {
  client.destroy()
  await app.close()
})

test('a link gives the body as it was, with its type and encoding, to whoever has it', async () => {
  const link = await open().link({ ...body('a.identity') })
  const answer = await fetch(link)
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
    200,
    'application/json',
    'private, no-store',
  ])
  expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
  expect(new URL(link).searchParams.get('X-Amz-Expires')).toBe('300')
})

test('is written once, whoever asks and however often', async () => {
  puts = 0
  const first = open()
  await Promise.all([first.link(body('b.identity')), first.link(body('b.identity'))])
  await first.link(body('b.identity'))
  await open().link(body('b.identity'))
  expect(puts).toBe(1)
})

test('is written again when it may be gone soon, or is gone', async () => {
  const process = open()
  await process.link(body('c.identity'))
  puts = 0
  now += 43_200_000 + 60_000
  await process.link(body('c.identity'))
  expect(puts).toBe(1)
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'bodies/c.identity' }))
  now += 3_600_000
  expect((await fetch(await process.link(body('c.identity')))).status).toBe(200)
  now = Date.now()
})

test('all objects lie where the rule of the bucket finds them', async () => {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }))
  expect(Contents.map(({ Key }) => Key?.split('/')[0])).toEqual(['bodies', 'bodies', 'bodies'])
})

test('a bucket that cannot be used is said to be that', async () => {
  const wrong = createS3LargeBodies({ bucket: 'kck-no-such-bucket', client, clock: { now: () => now } })
  await expect(wrong.link(body('d.identity'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryAfterMs: 1_000 })
})
