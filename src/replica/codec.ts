/** How values become bytes. `encode` throws for what has no form; `decode` must not run anything that the bytes say. */
export interface ReplicaCodec<T> {
  readonly name: string
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}
