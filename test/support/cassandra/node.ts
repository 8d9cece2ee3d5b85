import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** One Cassandra process that a test may stop, freeze and start again over its data. */
export interface CassandraNode {
  readonly address: string
  readonly pid: number
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** SIGSTOP: the connections stay open and nothing answers. */
  pause(): void
  resume(): void
  /** Starts a killed node again over its data; resolves when it accepts connections. */
  restart(): Promise<void>
  /** Kills it and deletes its data. */
  stop(): Promise<void>
}

export interface NodeSettings {
  readonly java: string
  readonly jars: string
  readonly address: string
  readonly nativePort: number
  readonly storagePort: number
  /** This node's place on the ring; explicit, so that nodes need not bootstrap from each other. */
  readonly token: string
  /** All nodes: a seed starts even where the others are too busy to answer its first question. */
  readonly seeds: readonly string[]
  readonly heap: string
}

export async function startNode(settings: NodeSettings): Promise<CassandraNode> {
  const folder = await mkdtemp(join(tmpdir(), 'kck-cassandra-'))
  await mkdir(join(folder, 'conf'))
  await writeFile(join(folder, 'conf', 'cassandra.yaml'), yaml(settings, folder))
  await writeFile(join(folder, 'conf', 'logback.xml'), logback(folder))

  let running = await launch(settings, folder)
  const node = {
    address: settings.address,
    get pid() {
      return running.pid
    },
    async kill() {
      signal(running.pid, 'SIGKILL')
      await running.exited()
    },
    pause: () => signal(running.pid, 'SIGSTOP'),
    resume: () => signal(running.pid, 'SIGCONT'),
    async restart() {
      running = await launch(settings, folder)
    },
    async stop() {
      await node.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return node
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

interface Running {
  readonly pid: number
  exited(): Promise<void>
}

/**
 * A shell stands between us and Java. When its standard input ends before Java does, we are gone: it kills Java and
 * deletes the data, so that a test run that is itself killed leaves nothing behind.
 */
const WATCHDOG = `folder=$1; shift
"$@" </dev/null >"$folder/output.log" 2>&1 &
pid=$!
echo $pid
exec 3<&0
( read nothing <&3; trap "" TERM; kill -9 $pid 2>/dev/null; sleep 1; rm -rf "$folder" ) >/dev/null 2>&1 &
watch=$!
wait $pid
kill $watch`

async function launch(settings: NodeSettings, folder: string): Promise<Running> {
  const shell = spawn('sh', ['-c', WATCHDOG, 'sh', folder, settings.java, ...javaArguments(settings, folder)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  const exited = once(shell, 'exit').then(() => {
    shell.stdin.destroy()
  })
  shell.stdin.on('error', () => {})
  const [line] = (await once(createInterface(shell.stdout), 'line')) as [string]
  shell.stdout.destroy()
  // Neither the process nor its pipe keeps a finished test run alive.
  shell.unref()
  const running: Running = {
    pid: Number(line),
    exited() {
      shell.ref()
      return exited
    },
  }
  let gone = false
  void exited.then(() => {
    gone = true
  })
  const deadline = performance.now() + 180_000
  while (!(await accepts(settings.address, settings.nativePort))) {
    if (gone) throw new Error(`Cassandra did not start: ${await lastLines(folder)}`)
    if (performance.now() > deadline) {
      signal(running.pid, 'SIGKILL')
      throw new Error(`Cassandra did not answer within 3 minutes: ${await lastLines(folder)}`)
    }
    await sleep(100)
  }
  return running
}

async function lastLines(folder: string): Promise<string> {
  const texts = await Promise.all(
    ['output.log', 'system.log'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  )
  return texts.join('').trim().slice(-4_000)
}

export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const done = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => done(false))
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}

/**
 * Ports that are free on all of `addresses`, below the range from which the kernel gives ports to clients: one of those
 * could be taken between now and the start.
 */
export async function freePort(addresses: readonly string[]): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const free = await Promise.all(addresses.map((address) => canListen(address, port)))
    if (free.every(Boolean)) return port
  }
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}

function yaml(settings: NodeSettings, folder: string): string {
  return `cluster_name: kck
num_tokens: 1
initial_token: '${settings.token}'
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: '${settings.seeds.map((seed) => `${seed}:${settings.storagePort}`).join(',')}'
listen_address: ${settings.address}
rpc_address: ${settings.address}
storage_port: ${settings.storagePort}
native_transport_port: ${settings.nativePort}
start_native_transport: true
data_file_directories: [${join(folder, 'data')}]
commitlog_directory: ${join(folder, 'commitlog')}
hints_directory: ${join(folder, 'hints')}
saved_caches_directory: ${join(folder, 'saved_caches')}
cdc_raw_directory: ${join(folder, 'cdc')}
commitlog_sync: periodic
commitlog_sync_period: 1000ms
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
memtable_heap_space: 128MiB
memtable_offheap_space: 128MiB
authenticator: AllowAllAuthenticator
authorizer: AllowAllAuthorizer
auto_snapshot: false
disk_failure_policy: stop
`
}

function logback(folder: string): string {
  return `<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>${join(folder, 'system.log')}</file>
    <encoder><pattern>%-5level %date{ISO8601} %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
`
}

function javaArguments(settings: NodeSettings, folder: string): readonly string[] {
  return [
    '-Xms512m',
    `-Xmx${settings.heap}`,
    '-Xss512k',
    '-ea',
    '-XX:+UseG1GC',
    '-XX:+PerfDisableSharedMem',
    '-Djava.net.preferIPv4Stack=true',
    '-Djdk.attach.allowAttachSelf=true',
    '-Dio.netty.tryReflectionSetAccessible=true',
    ...EXPORTS.flatMap((name) => ['--add-exports', `${name}=ALL-UNNAMED`]),
    ...OPENS.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]),
    `-Dcassandra.config=file://${join(folder, 'conf', 'cassandra.yaml')}`,
    `-Dcassandra.storagedir=${folder}`,
    `-Dlogback.configurationFile=${join(folder, 'conf', 'logback.xml')}`,
    '-Dcassandra.skip_wait_for_gossip_to_settle=0',
    '-Dcassandra.ring_delay_ms=0',
    '-Dcassandra.superuser_setup_delay_ms=0',
    '-Dcassandra.reset_bootstrap_progress=true',
    '-Dcassandra-foreground=yes',
    '-cp',
    join(settings.jars, '*'),
    'org.apache.cassandra.service.CassandraDaemon',
  ]
}

const EXPORTS = [
  'java.base/jdk.internal.misc',
  'java.base/jdk.internal.ref',
  'java.base/java.lang.ref',
  'java.base/sun.nio.ch',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.sql/java.sql',
  'jdk.unsupported/sun.misc',
]

const OPENS = [
  'java.base/java.io',
  'java.base/java.lang',
  'java.base/java.lang.module',
  'java.base/java.lang.reflect',
  'java.base/java.math',
  'java.base/java.net',
  'java.base/java.nio',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic',
  'java.base/jdk.internal.loader',
  'java.base/jdk.internal.math',
  'java.base/jdk.internal.misc',
  'java.base/jdk.internal.module',
  'java.base/jdk.internal.ref',
  'java.base/jdk.internal.reflect',
  'java.base/jdk.internal.util.jar',
  'java.base/sun.nio.ch',
  'jdk.compiler/com.sun.tools.javac.file',
  'jdk.management/com.sun.management.internal',
]
