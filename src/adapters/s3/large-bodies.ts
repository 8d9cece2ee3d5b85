import type { S3Client } from '@aws-sdk/client-s3'
import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { LargeBodies, LargeBody } from '../../ports/large-bodies.ts'
import { Renewed } from '../aws-common/renewed.ts'

export interface S3LargeBodiesOptions {
  /** Private, with a rule that deletes what is older than a day. */
  readonly bucket: string
  readonly clock: Pick<Clock, 'now'>
  /** Default: as the AWS SDK finds it. */
  readonly region?: string
  /** Another server than AWS. */
  readonly endpoint?: string
  /** Default: one of our own. */
  readonly client?: S3Client
}

type Sdk = typeof import('@aws-sdk/client-s3') & typeof import('@aws-sdk/s3-request-presigner')
interface Opened {
  readonly sdk: Sdk
  readonly clients: { readonly current: S3Client }
  close(): void
}

const PREFIX = 'bodies/'
/** Long enough to begin a download, short enough for a link that went astray. */
const LINK_SECONDS = 300
/** The bucket deletes after a day; what is older than half of it is written again. */
const RENEW_AFTER_MS = 43_200_000
/** How long this process trusts that an object is there. */
const TRUST_MS = 3_600_000
const REMEMBERED = 1_000

/** Large bodies as objects of a bucket, given out by presigned links. The clients are loaded by the first one. */
export function createS3LargeBodies(options: S3LargeBodiesOptions): LargeBodies {
  const { bucket: Bucket, clock } = options
  /** Names to the time until which they are surely there. */
  const known = new Map<string, number>()
  const writing = new Map<string, Promise<void>>()
  let opened: Promise<Opened> | undefined

  function open(): Promise<Opened> {
    opened ??= load().then((sdk) => {
      const { client } = options
      // A client that was given to us belongs to somebody else.
      if (client) return { sdk, clients: { current: client }, close: () => undefined }
      const clients = new Renewed(() => new sdk.S3Client(clientConfig(options)))
      return { sdk, clients, close: () => clients.close() }
    })
    return opened
  }

  async function ensure(
    { sdk, clients }: Opened,
    body: LargeBody,
    abortSignal: AbortSignal | undefined,
  ): Promise<void> {
    const { name, bytes, contentType, contentEncoding } = body
    const object = { Bucket, Key: PREFIX + name }
    const limits = abortSignal ? { abortSignal } : {}
    const head = await clients.current.send(new sdk.HeadObjectCommand(object), limits).catch(missing)
    const writtenAt = head?.LastModified?.getTime() ?? 0
    if (clock.now() - writtenAt > RENEW_AFTER_MS) {
      const encoding = contentEncoding === undefined ? {} : { ContentEncoding: contentEncoding }
      const put = { ...object, ...encoding, Body: bytes, ContentType: contentType, CacheControl: 'private, no-store' }
      await clients.current.send(new sdk.PutObjectCommand(put), limits)
    }
    remember(name)
  }

  function remember(name: string): void {
    known.delete(name)
    known.set(name, clock.now() + TRUST_MS)
    const oldest = known.keys().next().value
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest)
  }

  /** Those who ask at the same time wait for one writing. */
  function ensureOnce(parts: Opened, body: LargeBody, signal: AbortSignal | undefined): Promise<void> {
    const underWay = writing.get(body.name)
    if (underWay !== undefined) return underWay
    const made = ensure(parts, body, signal).finally(() => writing.delete(body.name))
    writing.set(body.name, made)
    return made
  }

  return {
    async link(body, { signal } = {}) {
      signal?.throwIfAborted()
      const parts = await open()
      try {
        if ((known.get(body.name) ?? 0) <= clock.now()) await ensureOnce(parts, body, signal)
        const command = new parts.sdk.GetObjectCommand({ Bucket, Key: PREFIX + body.name })
        return await parts.sdk.getSignedUrl(parts.clients.current, command, { expiresIn: LINK_SECONDS })
      } catch (error) {
        throw signal?.aborted ? signal.reason : unavailable(error)
      }
    },
    async close() {
      if (opened) (await opened).close()
    },
  }
}

async function load(): Promise<Sdk> {
  const [client, presigner] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/s3-request-presigner')])
  return { ...client, ...presigner }
}

function clientConfig({ region, endpoint }: S3LargeBodiesOptions) {
  return {
    ...(region ? { region } : {}),
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    // Without the last one, the time limit would only be logged.
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  }
}

/** Who may not list a bucket hears 403 of an object that is not there; the write tells whether it was that. */
function missing(error: unknown): null {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  if (status === 404 || status === 403) return null
  throw error
}

function unavailable(cause: unknown): KckError {
  const message = 'This value is too large for an answer, and the bucket for such values cannot be used now'
  return new KckError('STORE_UNAVAILABLE', message, { cause, retryAfterMs: 1_000 })
}
