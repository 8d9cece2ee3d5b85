import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Cleanup } from './cleanup.ts'
import type { CpuProfile } from './cpu-profile.ts'

/** A server in a process of its own, on a port of this machine. */
export interface ServerProcess {
  readonly port: number
  /** Milliseconds of processor time that it has used so far; null where the system does not tell. */
  cpuMs(): number | null
  stop(): Promise<void>
}

const START_MS = 60_000
const STOP_MS = 10_000

export interface NodeServer extends ServerProcess {
  /** Where the process spends its time while `work` runs. */
  profile(work: () => Promise<unknown>): Promise<CpuProfile>
}

/** Starts `bench/servers/<name>.ts` and resolves when it listens. */
export async function startNodeServer(
  name: string,
  { options, cleanup }: { options: unknown; cleanup: Cleanup },
): Promise<NodeServer> {
  const script = fileURLToPath(new URL(`../servers/${name}.ts`, import.meta.url))
  const child = fork(script, [JSON.stringify(options)], {
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const ready = new Promise<number>((resolve) => {
    child.once('message', (message: { port: number }) => resolve(message.port))
  })
  const server = await whenReady(child, ready, { name, cleanup })
  return {
    ...server,
    async profile(work) {
      child.send('profile')
      await work()
      child.send('stop profile')
      const [profile] = await once(child, 'message')
      return profile as CpuProfile
    },
  }
}

export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly port: number
  /** What it prints when it listens. */
  readonly ready: RegExp
}

export async function startProgram(program: Program, cleanup: Cleanup): Promise<ServerProcess> {
  const { name, command, args, env = {}, port, ready: says } = program
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const ready = new Promise<number>((resolve) => {
    const read = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000)
      if (says.test(output)) resolve(port)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
  })
  return whenReady(child, ready, { name, cleanup, output: () => output })
}

async function whenReady(
  child: ChildProcess,
  ready: Promise<number>,
  about: { readonly name: string; readonly cleanup: Cleanup; readonly output?: () => string },
): Promise<ServerProcess> {
  const { name, cleanup, output = () => '' } = about
  const stop = () => end(child)
  cleanup.add(stop)
  const timeout = AbortSignal.timeout(START_MS)
  const failed = Promise.race([
    once(child, 'exit').then(([code]) => new Error(`${name} ended with code ${code}\n${output()}`)),
    once(timeout, 'abort').then(() => new Error(`${name} did not start in ${START_MS / 1000} s\n${output()}`)),
  ])
  const port = await Promise.race([ready, failed])
  if (port instanceof Error) {
    await stop()
    throw port
  }
  return { port, cpuMs: () => cpuMs(child.pid), stop }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const impatient = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await exited
  clearTimeout(impatient)
}

/** Fields 14 and 15 of `/proc/<pid>/stat`, in hundredths of a second. */
function cpuMs(pid: number | undefined): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return null
  }
}
