import { KckError } from '../errors.ts'
import { CHECKSUM_BYTES, type Item } from '../ports/replica-state.ts'

/**
 * The contents of an update: a format byte, then per item the key's length (2 bytes), the value's length and one more
 * (4 bytes; 0: the key is deleted), both big-endian, the key and the value. The largest length means: the key is deleted
 * if its value has the checksum that stands in the value's place.
 */
const FORMAT = 1
const ITEM_HEADER = 6
const IF_CHECKSUM = 0xffff_ffff

/** Bytes of a value, encoded. */
export const MAX_VALUE_BYTES = 1024 * 1024
/** Bytes of items that one update holds, when it holds more than one. */
const MAX_ITEMS_BYTES = 1024 * 1024

const sizeOf = ({ key, value, onlyIf }: Item): number => ITEM_HEADER + key.length + (onlyIf ?? value ?? '').length

/** The items in as few updates as may be, in order. */
export function splitItems(items: readonly Item[]): readonly (readonly Item[])[] {
  const updates: Item[][] = []
  let room = 0
  for (const item of items) {
    const size = sizeOf(item)
    if (size > room) {
      updates.push([])
      room = MAX_ITEMS_BYTES
    }
    updates.at(-1)?.push(item)
    room -= size
  }
  return updates
}

export function encodeUpdate(items: readonly Item[]): Buffer {
  const bytes = Buffer.allocUnsafe(items.reduce((sum, item) => sum + sizeOf(item), 1))
  bytes[0] = FORMAT
  let position = 1
  for (const { key, value, onlyIf } of items) {
    const size = value === null ? 0 : value.length + 1
    position = bytes.writeUInt16BE(key.length, position)
    position = bytes.writeUInt32BE(onlyIf ? IF_CHECKSUM : size, position)
    const tail = onlyIf ?? value ?? new Uint8Array()
    bytes.set(key, position)
    bytes.set(tail, position + key.length)
    position += key.length + tail.length
  }
  return bytes
}

/** Throws `STORE_UNAVAILABLE` for what is no update: skipping it would lose what it says. */
export function decodeUpdate(contents: Uint8Array): readonly Item[] {
  const bytes = Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength)
  if (bytes[0] !== FORMAT) throw unreadable(`Its format is ${bytes[0]}`)
  const items: Item[] = []
  let position = 1
  while (position < bytes.length) {
    if (position + ITEM_HEADER > bytes.length) throw unreadable('It ends inside an item')
    const keyEnd = position + ITEM_HEADER + bytes.readUInt16BE(position)
    const size = bytes.readUInt32BE(position + 2)
    const end = keyEnd + tailBytes(size)
    if (end > bytes.length) throw unreadable('It ends inside an item')
    const key = bytes.subarray(position + ITEM_HEADER, keyEnd)
    items.push(itemOf(key, size, bytes.subarray(keyEnd, end)))
    position = end
  }
  return items
}

function tailBytes(size: number): number {
  return size === IF_CHECKSUM ? CHECKSUM_BYTES : Math.max(0, size - 1)
}

function itemOf(key: Uint8Array, size: number, tail: Uint8Array): Item {
  if (size === IF_CHECKSUM) return { key, value: null, onlyIf: tail }
  return { key, value: size === 0 ? null : tail }
}

function unreadable(why: string): KckError {
  return new KckError('STORE_UNAVAILABLE', 'An update of the log cannot be read: use a newer KCK, or start a new log', {
    cause: new Error(why),
  })
}
