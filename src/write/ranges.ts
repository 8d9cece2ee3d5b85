/** A set of numbers as ranges in order, both ends in it: small where neighbours are in it together. */
export type Ranges = readonly (readonly [from: number, to: number])[]

export function rangesOf(numbers: Iterable<number>): Ranges {
  const ranges: [number, number][] = []
  for (const number of [...new Set(numbers)].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[1] === number - 1) last[1] = number
    else ranges.push([number, number])
  }
  return ranges
}

export function* numbersIn(ranges: Ranges): Generator<number> {
  for (const [from, to] of ranges) for (let number = from; number <= to; number++) yield number
}

export function isIn(ranges: Ranges, number: number): boolean {
  return ranges.some(([from, to]) => from <= number && number <= to)
}
