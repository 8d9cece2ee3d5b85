import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FunctionError, type Outcome, startRuntimeApi } from './runtime-api.ts'
import { endWithUs } from './watchdog.ts'

/** A function as its template describes it. */
export interface FunctionSettings {
  readonly name: string
  /** `file.export` in `folder`. */
  readonly handler: string
  readonly folder: string
  readonly environment: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly memoryMb: number
  /** `index.mjs` of the runtime client. */
  readonly runtimeClient: string
}

/** One process of a function. It stands still, stopped by the kernel, whenever it has no event. */
export interface Environment {
  readonly pid: number
  /** One event at a time. A function that takes longer than it may is killed. */
  invoke(event: unknown, requestId: string): Promise<Outcome>
  /** Its clocks (`Date.now`, `performance.now`) go on as if so many milliseconds had passed. Only between events. */
  pass(milliseconds: number): Promise<void>
  /** False after its end. */
  readonly alive: boolean
  readonly output: string
  /** Milliseconds from the start of the process until it asked for its first event. */
  readonly initMs: number
  kill(): Promise<void>
}

/** What Lambda would hand to every function of ours. */
export const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: 'session',
}

const clockModule = fileURLToPath(new URL('./shifted-clock.js', import.meta.url))
const MAX_OUTPUT = 1 << 20

/** Resolves when it is initialised; rejects with what the function threw. */
export async function startEnvironment(settings: FunctionSettings): Promise<Environment> {
  const { name, handler, folder, timeoutMs, memoryMb, runtimeClient } = settings
  const api = await startRuntimeApi()
  const disk = await mkdtemp(join(tmpdir(), 'kck-lambda-'))
  const began = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', '--import', clockModule, runtimeClient, handler], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      TZ: ':UTC',
      LANG: 'en_US.UTF-8',
      AWS_REGION: 'eu-central-1',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_SESSION_TOKEN: credentials.sessionToken,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
      ...settings.environment,
      // What a function has in /tmp no other environment sees.
      ...(settings.environment['KCK_REPLICA_PATH'] ? { KCK_REPLICA_PATH: disk } : {}),
      AWS_LAMBDA_RUNTIME_API: api.address,
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: handler,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output = `${output}${chunk}`.slice(-MAX_OUTPUT)
    })
  }
  const pid = child.pid ?? 0
  endWithUs(pid)
  let shifted = 0
  let turn: Promise<unknown> = Promise.resolve()
  /** One thing at a time. */
  const exclusively = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }
  const exited = once(child, 'exit').then(([code, signal]) => {
    api.close()
    rm(disk, { recursive: true, force: true }).catch(() => undefined)
    return { errorType: 'Runtime.ExitError', errorMessage: `The function ended with ${signal ?? `exit code ${code}`}` }
  })
  const alive = () => child.exitCode === null && child.signalCode === null
  const signal = (name: NodeJS.Signals) => alive() && process.kill(pid, name)

  const environment = {
    pid,
    get alive() {
      return alive()
    },
    get output() {
      return output
    },
    initMs: 0,
    invoke: (event: unknown, requestId: string) => exclusively(() => invoke(event, requestId)),
    pass: (milliseconds: number) => exclusively(() => pass(milliseconds)),
    async kill() {
      signal('SIGKILL')
      await exited
    },
  }

  async function invoke(event: unknown, requestId: string): Promise<Outcome> {
    const deadline = Date.now() + timeoutMs
    const late = Promise.withResolvers<Outcome>()
    const timer = setTimeout(() => late.resolve({ error: timedOut(timeoutMs) }), timeoutMs)
    signal('SIGCONT')
    const functionArn = `arn:aws:lambda:eu-central-1:123456789012:function:${name}`
    const said = api.deliver({ requestId, functionArn, deadline: deadline + shifted, event })
    const outcome = await Promise.race([said, late.promise, exited.then((error) => ({ error }))])
    clearTimeout(timer)
    await settled(outcome)
    return outcome
  }

  async function pass(milliseconds: number): Promise<void> {
    if (!alive()) return
    shifted += milliseconds
    signal('SIGCONT')
    const heard = once(child, 'message')
    child.send({ passed: milliseconds })
    await Promise.race([heard, exited])
    signal('SIGSTOP')
  }

  /** Frozen as soon as it asks for the next event; one that timed out is gone, with what it has open. */
  async function settled(outcome: Outcome): Promise<void> {
    if ('error' in outcome && outcome.error.errorType === 'Sandbox.Timedout') return environment.kill()
    await Promise.race([api.ready(), exited])
    signal('SIGSTOP')
  }

  const initialised = api.ready().then(
    () => null,
    (error: FunctionError) => error,
  )
  const error = await Promise.race([initialised, exited])
  environment.initMs = performance.now() - began
  if (error !== null) {
    await environment.kill()
    throw new InitError(error, output)
  }
  signal('SIGSTOP')
  return environment
}

/** A function that could not start. */
export class InitError extends Error {
  override readonly name = 'InitError'
  readonly error: FunctionError
  constructor(error: FunctionError, output: string) {
    super(`${error.errorType}: ${error.errorMessage}\n${output.slice(-2_000)}`)
    this.error = error
  }
}

function timedOut(timeoutMs: number): FunctionError {
  return {
    errorType: 'Sandbox.Timedout',
    errorMessage: `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  }
}
