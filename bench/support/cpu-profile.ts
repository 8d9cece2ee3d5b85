/** The parts of a `.cpuprofile` file that are used here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

export interface Share {
  readonly name: string
  /** Of the time in which the process was not idle, 0 to 1. */
  readonly share: number
}

export interface Summary {
  /** Of all the time, 0 to 1. */
  readonly busy: number
  readonly groups: readonly Share[]
  /** Where the time itself was spent, without what a function called. */
  readonly functions: readonly (Share & { readonly group: string })[]
}

/** The first that matches the file of a function, or the function's name where it has no file. */
const GROUPS: readonly (readonly [string, RegExp])[] = [
  ['idle', /^\(idle\)/],
  // Taking the profile itself.
  ['idle', /^node:inspector/],
  ['garbage collection', /^\(garbage collector\)/],
  [
    'sockets (system calls)',
    /^(writev|write(Buffer|Latin1String|Utf8String|AsciiString)|shutdown|readStart|readStop)$/,
  ],
  ['the rest of Node in C++', /^$|^\((program|root)\)/],
  ['Cassandra driver', /node_modules\/cassandra-driver\//],
  ['lmdb', /node_modules\/(lmdb|ordered-binary|msgpackr|weak-lru-cache)\//],
  ['lru-cache', /node_modules\/lru-cache\//],
  ['other packages', /node_modules\//],
  ['KCK: store adapter', /src\/adapters\//],
  ['KCK: HTTP edge and server', /src\/(http|local|auth)\//],
  ['KCK: near cache and fetch', /src\//],
  [
    'compression and checksums',
    /^node:(internal\/crypto|zlib|internal\/zlib)|^(writeSync|init|oneShotDigest|Zstd\w*|Zlib)$/,
  ],
  ['node:http', /^node:(internal\/http|_http|http|internal\/freelist)/],
  ['node:net and streams', /^node:(net|internal\/streams?\b|stream|internal\/js_stream|internal\/stream_base)/],
  [
    'timers, promises and signals',
    /^node:(internal\/(timers|process|abort|event_target|async_hooks|promise)|timers|events)|^runMicrotasks$/,
  ],
  ['the rest of Node', /^node:/],
]

export function summarise(profile: CpuProfile, top: number): Summary {
  const nodes = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const byFunction = new Map<string, { group: string; time: number }>()
  let all = 0
  for (const [index, id] of profile.samples.entries()) {
    const time = profile.timeDeltas[index] ?? 0
    const { functionName = '', url = '', lineNumber = 0 } = nodes.get(id) ?? {}
    const name = url === '' ? functionName : `${functionName || '(anonymous)'} ${shortUrl(url)}:${lineNumber + 1}`
    const known = byFunction.get(name) ?? { group: groupOf(url === '' ? functionName : url), time: 0 }
    known.time += time
    byFunction.set(name, known)
    all += time
  }
  const busyFunctions = [...byFunction].filter(([, { group }]) => group !== 'idle')
  const busy = busyFunctions.reduce((sum, [, { time }]) => sum + time, 0)
  const functions = busyFunctions
    .map(([name, { group, time }]) => ({ name, group, share: time / busy }))
    .sort((a, b) => b.share - a.share)
  const groups = [...Map.groupBy(functions, ({ group }) => group)]
    .map(([name, of]) => ({ name, share: of.reduce((sum, { share }) => sum + share, 0) }))
    .sort((a, b) => b.share - a.share)
  return { busy: busy / all, groups, functions: functions.slice(0, top) }
}

function groupOf(place: string): string {
  return GROUPS.find(([, pattern]) => pattern.test(place))?.[0] ?? 'built-in functions of JavaScript'
}

/** A file of the project or of a package, without the folders above. */
function shortUrl(url: string): string {
  return url.replace(/^.*\/(?=node_modules\/)/, '').replace(/^file:.*\/(?=(?:src|bench)\/)/, '')
}
