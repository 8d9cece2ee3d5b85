import type { EntryRow } from '../../src/entry/entry.ts'
import { noise, sampleRow, sampleValue } from '../conformance/rows.ts'

export const KEYS = 150

export function expectedRow(each: number): EntryRow {
  return sampleRow(`key/${each}`, { value: sampleValue(`b-${each}`, Buffer.from(noise(100 + each * 30, each))) })
}

export function markId(each: number): string {
  return `mark-${each}`
}
