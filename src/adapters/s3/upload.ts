import type { S3Client } from '@aws-sdk/client-s3'

export interface UploadTo {
  readonly sdk: typeof import('@aws-sdk/client-s3')
  readonly client: S3Client
  readonly bucket: string
  readonly key: string
  readonly signal: AbortSignal | undefined
}

/** Bytes of a part; S3 wants 5 MiB at least and takes 10,000 of them: 78 GiB. */
const PART_BYTES = 8 * 1024 * 1024

/** An object from content of any length, of which one part is in memory at a time. It is there when it is complete, or not at all. */
export async function upload(to: UploadTo, content: AsyncIterable<Uint8Array>): Promise<void> {
  const { sdk, client, signal } = to
  const target = { Bucket: to.bucket, Key: to.key }
  const call = signal ? { abortSignal: signal } : {}
  const { UploadId } = await client.send(new sdk.CreateMultipartUploadCommand(target), call)
  try {
    const Parts: { ETag: string | undefined; PartNumber: number }[] = []
    for await (const Body of partsOf(content)) {
      const part = { ...target, UploadId, PartNumber: Parts.length + 1 }
      const { ETag } = await client.send(new sdk.UploadPartCommand({ ...part, Body }), call)
      Parts.push({ ETag, PartNumber: part.PartNumber })
    }
    await client.send(new sdk.CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }), call)
  } catch (error) {
    // Parts that stay cost money until a lifecycle rule of the bucket finds them.
    await client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined)
    throw error
  }
}

/** The same bytes in pieces of equal size but the last; one at least. */
async function* partsOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part = Buffer.allocUnsafe(PART_BYTES)
  let length = 0
  let count = 0
  for await (const piece of content) {
    for (let from = 0; from < piece.length; ) {
      const taken = Math.min(PART_BYTES - length, piece.length - from)
      part.set(piece.subarray(from, from + taken), length)
      from += taken
      length += taken
      if (length < PART_BYTES) continue
      yield part
      count += 1
      // The one before may still be on its way, for another attempt.
      part = Buffer.allocUnsafe(PART_BYTES)
      length = 0
    }
  }
  if (length > 0 || count === 0) yield part.subarray(0, length)
}
