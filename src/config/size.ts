const units: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 }

/** Bytes of `512kb`, `64mb`, `1.5gb` (powers of 1024) or of a whole number; undefined for anything else. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  const [, digits, unit] = (typeof value === 'string' && /^(\d{1,9}(?:\.\d{1,3})?)(b|kb|mb|gb)$/i.exec(value)) || []
  const factor = units[unit?.toLowerCase() ?? '']
  return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor)
}
