import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { buildApp } from 'fauxqs'

export interface S3Server {
  readonly endpoint: string
  readonly client: S3Client
  readonly bucket: string
  close(): Promise<void>
}

/** An S3 server in this process with one bucket, on a free loopback port. */
export async function startS3(): Promise<S3Server> {
  const app = buildApp({ logger: false, defaultRegion: 'eu-central-1' })
  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new S3Client({ endpoint, region: 'eu-central-1', forcePathStyle: true, credentials })
  const bucket = 'snapshots'
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return {
    endpoint,
    client,
    bucket,
    close: async () => {
      client.destroy()
      await app.close()
    },
  }
}
