import { setTimeout as sleep } from 'node:timers/promises'
import { CassandraContainer } from '@testcontainers/cassandra'
import { Client } from 'cassandra-driver'
import { CASSANDRA_VERSION, cassandraJars, java17 } from './jars.ts'
import { accepts, type CassandraNode, freePort, startNode } from './node.ts'

/** Where a test's Cassandra answers. */
export interface CassandraAddress {
  readonly contactPoints: readonly string[]
  readonly port: number
  readonly localDataCenter: string
}

export interface CassandraServer extends CassandraAddress {
  /** `given`: of `CASSANDRA_CONTACT_POINTS`; `container`: Docker; `process`: started here. */
  readonly origin: 'given' | 'container' | 'process'
  /** The processes that a test may freeze and kill; only with origin `process`. */
  readonly nodes: readonly CassandraNode[]
  stop(): Promise<void>
}

export interface StartOptions {
  /** Three nodes are 127.0.0.1, 127.0.0.2 and 127.0.0.3 on one port. Default 1. */
  readonly nodes?: 1 | 3
  /** The native port; default: a free one. */
  readonly port?: number
  /** Start processes even where an address is given or Docker answers: for tests that freeze and kill. */
  readonly ownProcesses?: boolean
}

/** A real Cassandra: the given one, else a container, else Maven's jars on a JDK. Throws with the reasons when none. */
export async function startCassandra(options: StartOptions = {}): Promise<CassandraServer> {
  if (options.ownProcesses === true || options.nodes === 3 || options.port !== undefined) return startProcesses(options)
  const given = givenAddress()
  if (given !== null) return { ...given, origin: 'given', nodes: [], stop: async () => {} }
  const container = await startContainer()
  if (typeof container !== 'string') return container
  try {
    return await startProcesses(options)
  } catch (error) {
    throw new Error(`no CASSANDRA_CONTACT_POINTS; no container: ${container}; no process: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

function givenAddress(): CassandraAddress | null {
  const text = process.env['CASSANDRA_CONTACT_POINTS']?.trim()
  if (text === undefined || text === '') return null
  const points = text.split(',').map((point) => point.trim().split(':'))
  return {
    contactPoints: points.map(([host]) => host ?? ''),
    port: Number(points[0]?.[1] ?? 9042),
    localDataCenter: process.env['CASSANDRA_LOCAL_DATACENTER'] ?? 'datacenter1',
  }
}

/** The started container, or why there is none. Without Docker the answer takes a few milliseconds. */
async function startContainer(): Promise<CassandraServer | string> {
  try {
    const container = await new CassandraContainer(`cassandra:${CASSANDRA_VERSION}`).start()
    return {
      contactPoints: [container.getHost()],
      port: container.getPort(),
      localDataCenter: container.getDatacenter(),
      origin: 'container',
      nodes: [],
      stop: async () => {
        await container.stop()
      },
    }
  } catch (error) {
    return messageOf(error)
  }
}

async function startProcesses(options: StartOptions): Promise<CassandraServer> {
  const [java, jars] = await Promise.all([java17(), cassandraJars()])
  const count = options.nodes ?? 1
  const addresses = Array.from({ length: count }, (_, index) => `127.0.0.${index + 1}`)
  const nativePort = options.port ?? (await freePort(addresses))
  const storagePort = await freePort(addresses)
  const nodes: CassandraNode[] = []
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    for (const [index, address] of addresses.entries()) {
      const token = String((BigInt(index) * 2n ** 64n) / BigInt(count) - 2n ** 63n + 1n)
      const heap = count === 1 ? '1g' : '768m'
      // One after the other: a node that joins while another does is refused.
      nodes.push(await startNode({ java, jars, address, nativePort, storagePort, token, seeds: addresses, heap }))
    }
    const server: CassandraServer = {
      contactPoints: addresses,
      port: nativePort,
      localDataCenter: 'datacenter1',
      origin: 'process',
      nodes,
      stop,
    }
    await allNodesKnown(server, count)
    return server
  } catch (error) {
    await stop()
    throw error
  }
}

/** Gossip needs a moment until every node knows all others. */
async function allNodesKnown(server: CassandraAddress, count: number): Promise<void> {
  for (const host of server.contactPoints) {
    for (let attempt = 0; ; attempt++) {
      const known = await peersOf(host, server).catch((error: unknown) => {
        if (attempt > 300) throw error
        return -1
      })
      if (known === count - 1) break
      await sleep(200)
    }
  }
}

async function peersOf(host: string, server: CassandraAddress): Promise<number> {
  if (!(await accepts(host, server.port))) return -1
  const client = new Client({
    contactPoints: [`${host}:${server.port}`],
    protocolOptions: { port: server.port, maxVersion: 4 },
    localDataCenter: server.localDataCenter,
  })
  try {
    return (await client.execute('SELECT peer FROM system.peers')).rowLength
  } finally {
    await client.shutdown()
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
