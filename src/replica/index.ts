// biome-ignore-all lint/performance/noBarrelFile: this file is what the package exports as kck/replica.
export type { ReplicaCodec } from './codec.ts'
export type { ReplicaKey } from './key.ts'
export type { Replica, ReplicaCallOptions, ReplicaRange } from './replica.ts'
