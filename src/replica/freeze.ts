/** Freezes plain objects and lists, through and through: a decoded value is shared by everyone who reads it. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  if (!isPlain) return value
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part)
  return value
}
