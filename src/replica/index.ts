// biome-ignore-all lint/performance/noBarrelFile: this file is what the package exports as kck/replica.
export type { ReplicaCodec } from './codec.ts'
export type { Replica, ReplicaCallOptions, ReplicaKey, ReplicaRange } from './replica.ts'
