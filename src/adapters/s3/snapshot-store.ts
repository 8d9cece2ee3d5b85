import { randomUUID } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CallOptions } from '../../ports/entry-store.ts'
import type { SnapshotInfo, SnapshotStore } from '../../ports/snapshot-store.ts'
import { upload } from './upload.ts'

export interface S3SnapshotOptions {
  readonly bucket: string
  /** In front of every object's key, for the snapshots of one dataset: `replica/prices`. */
  readonly prefix: string
  readonly clock: Clock
  /** Default: one of our own. */
  readonly client?: S3Client
  /** Default: as the AWS SDK finds it. */
  readonly region?: string
  /** Another server than AWS; buckets are part of its paths. */
  readonly endpoint?: string
}

type Sdk = typeof import('@aws-sdk/client-s3')

/** Id, time and the content's own id: in the order of their names the newest is the last. */
const NAME = /^\d{16}-\d{13}-[0-9a-f-]{36}$/
const CONTENT_ID = 36
const ATTEMPTS = 4
const CONNECT_MS = 2_000
const ANSWER_MS = 30_000

/**
 * Snapshots in a bucket: `<prefix>/<content id>.data`, uploaded in parts, and then `<prefix>/<name>.json` that points
 * to it. What a killed upload leaves is for a lifecycle rule of the bucket that deletes incomplete uploads.
 */
export function createS3SnapshotStore(options: S3SnapshotOptions): SnapshotStore & { close(): Promise<void> } {
  return new S3Snapshots(options)
}

class S3Snapshots implements SnapshotStore {
  readonly #options: S3SnapshotOptions
  readonly #prefix: string
  #opened: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | undefined

  constructor(options: S3SnapshotOptions) {
    this.#options = options
    this.#prefix = `${options.prefix.replace(/\/+$/, '')}/`
  }

  list(options: CallOptions = {}): Promise<readonly SnapshotInfo[]> {
    return this.#attempt('listed', options, async () => {
      const names = (await this.#names(options)).sort().reverse()
      const infos = await Promise.all(names.map((name) => this.#infoOf(name, options)))
      return infos.filter((info) => info !== null)
    })
  }

  put(
    content: AsyncIterable<Uint8Array>,
    describe: () => Omit<SnapshotInfo, 'name'>,
    options: CallOptions = {},
  ): Promise<SnapshotInfo> {
    return this.#attempt('written', options, async ({ sdk, client }) => {
      const contentId = randomUUID()
      const { bucket, clock } = this.#options
      const key = this.#keyOfContent(contentId)
      await upload({ sdk, client, bucket, key, signal: options.signal }, content)
      const described = describe()
      const name = `${digits(described.id, 16)}-${digits(clock.now(), 13)}-${contentId}`
      const info: SnapshotInfo = { ...described, name }
      const object = { Bucket: bucket, Key: this.#keyOf(name), Body: JSON.stringify(info) }
      await client.send(new sdk.PutObjectCommand(object), callOf(options))
      return info
    })
  }

  open(snapshot: SnapshotInfo, options: CallOptions = {}): Promise<AsyncIterable<Uint8Array> | null> {
    return this.#attempt('opened', options, async ({ sdk, client }) => {
      const Key = this.#keyOfContent(checked(snapshot.name).slice(-CONTENT_ID))
      try {
        const { Body } = await client.send(
          new sdk.GetObjectCommand({ Bucket: this.#options.bucket, Key }),
          callOf(options),
        )
        // In Node the SDK answers with a stream of bytes.
        return piecesOf(Body as unknown as AsyncIterable<Uint8Array>, options)
      } catch (error) {
        if (error instanceof sdk.NoSuchKey) return null
        throw error
      }
    })
  }

  remove(snapshot: SnapshotInfo, options: CallOptions = {}): Promise<void> {
    return this.#attempt('removed', options, async ({ sdk, client }) => {
      const name = checked(snapshot.name)
      for (const Key of [this.#keyOf(name), this.#keyOfContent(name.slice(-CONTENT_ID))]) {
        await client.send(new sdk.DeleteObjectCommand({ Bucket: this.#options.bucket, Key }), callOf(options))
      }
    })
  }

  async close(): Promise<void> {
    // A client that was given to us belongs to somebody else.
    if (!this.#options.client && this.#opened) (await this.#opened).client.destroy()
    this.#opened = undefined
  }

  async #names(options: CallOptions): Promise<string[]> {
    const { sdk, client } = await this.#open()
    const found: string[] = []
    for (let token: string | undefined; ; ) {
      const asked = { Bucket: this.#options.bucket, Prefix: this.#prefix }
      const page = new sdk.ListObjectsV2Command(token === undefined ? asked : { ...asked, ContinuationToken: token })
      const { Contents = [], NextContinuationToken } = await client.send(page, callOf(options))
      for (const { Key = '' } of Contents) if (Key.endsWith('.json')) found.push(Key.slice(this.#prefix.length, -5))
      if (NextContinuationToken === undefined) return found.filter((name) => NAME.test(name))
      token = NextContinuationToken
    }
  }

  /** Null: removed meanwhile, or damaged; it points to nothing. */
  async #infoOf(name: string, options: CallOptions): Promise<SnapshotInfo | null> {
    const { sdk, client } = await this.#open()
    try {
      const object = { Bucket: this.#options.bucket, Key: this.#keyOf(name) }
      const { Body } = await client.send(new sdk.GetObjectCommand(object), callOf(options))
      return { ...(JSON.parse((await Body?.transformToString()) ?? '') as SnapshotInfo), name }
    } catch (error) {
      if (error instanceof sdk.NoSuchKey || error instanceof SyntaxError) return null
      throw error
    }
  }

  #keyOf(name: string): string {
    return `${this.#prefix}${name}.json`
  }

  #keyOfContent(id: string): string {
    return `${this.#prefix}${id}.data`
  }

  async #attempt<T>(
    what: string,
    { signal }: CallOptions,
    work: (opened: { readonly sdk: Sdk; readonly client: S3Client }) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted()
    const opened = await this.#open()
    try {
      return await work(opened)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      // What the content or its description threw is not a failure of the store.
      throw isOfSdk(error) ? unavailable(what, error) : error
    }
  }

  #open(): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    this.#opened ??= import('@aws-sdk/client-s3').then((sdk) => ({
      sdk,
      client: this.#options.client ?? new sdk.S3Client(clientConfig(this.#options)),
    }))
    return this.#opened
  }
}

function clientConfig({ region, endpoint }: S3SnapshotOptions) {
  return {
    ...(region ? { region } : {}),
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    maxAttempts: ATTEMPTS,
    // Without the last one, the time limit would only be logged.
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
  }
}

async function* piecesOf(content: AsyncIterable<Uint8Array>, { signal }: CallOptions): AsyncGenerator<Uint8Array> {
  try {
    yield* content
  } catch (error) {
    throw signal?.aborted ? signal.reason : unavailable('read', error)
  }
}

function callOf({ signal }: CallOptions): { readonly abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {}
}

function checked(name: string): string {
  if (NAME.test(name)) return name
  throw new KckError('BAD_REQUEST', 'That is not the name of a snapshot of this store')
}

function digits(number: number, length: number): string {
  return String(number).padStart(length, '0')
}

/** Refusals of the service carry `$metadata`, failures to reach it the code of the system. */
function isOfSdk(error: unknown): boolean {
  return error instanceof Error && !(error instanceof KckError) && ('$metadata' in error || 'code' in error)
}

function unavailable(what: string, cause: unknown): KckError {
  return new KckError('STORE_UNAVAILABLE', `The snapshot could not be ${what}`, { cause })
}
