import { randomUUID } from 'node:crypto'
import { type Environment, type FunctionSettings, InitError, startEnvironment } from './environment.ts'
import type { Outcome } from './runtime-api.ts'

const MAX_EVENT_BYTES = 6 * 1024 * 1024

/** A function with as many environments as events come at once. */
export interface LambdaFunction {
  readonly settings: FunctionSettings
  /** Waits for the answer. Never rejects for what the function does. */
  invoke(event: unknown): Promise<Outcome>
  /** As a scheduler or another service that waits for nothing: an event that fails is tried twice more. */
  invokeLater(event: unknown): Promise<Outcome>
  /** Those that live, idle or not. */
  environments(): readonly Environment[]
  /** Its clocks go on as if so many milliseconds had passed, also those of environments to come. */
  pass(milliseconds: number): Promise<void>
  /** What all environments wrote. */
  output(): string
  /** All environments end, in the middle of whatever they do; the next event begins a new one. */
  kill(): Promise<void>
}

/** `concurrency`: the most environments; events beyond wait. Default 10. */
export function createFunction(settings: FunctionSettings, { concurrency = 10 } = {}): LambdaFunction {
  const all = new Set<Environment>()
  const idle: Environment[] = []
  const queue: (() => void)[] = []
  let started = 0
  let former = ''
  let passed = 0

  const forget = (environment: Environment) => {
    if (!all.delete(environment)) return
    started -= 1
    former = `${former}${environment.output}`.slice(-(1 << 20))
  }

  /** The one that was used last: as Lambda does, so that others grow old and cold. */
  async function take(): Promise<Environment> {
    for (let next = idle.pop(); next; next = idle.pop()) {
      if (next.alive) return next
      forget(next)
    }
    if (started >= concurrency) {
      await new Promise<void>((resolve) => queue.push(resolve))
      return take()
    }
    started += 1
    try {
      const environment = await startEnvironment(settings)
      all.add(environment)
      if (passed > 0) await environment.pass(passed)
      return environment
    } catch (error) {
      started -= 1
      throw error
    }
  }

  function giveBack(environment: Environment): void {
    if (environment.alive) idle.push(environment)
    else forget(environment)
    queue.shift()?.()
  }

  async function invoke(event: unknown): Promise<Outcome> {
    if (Buffer.byteLength(JSON.stringify(event)) > MAX_EVENT_BYTES) {
      return { error: { errorType: 'RequestEntityTooLargeException', errorMessage: 'The event is larger than 6 MB' } }
    }
    let environment: Environment
    try {
      environment = await take()
    } catch (error) {
      if (error instanceof InitError) return { error: error.error }
      throw error
    }
    try {
      return await environment.invoke(event, randomUUID())
    } finally {
      giveBack(environment)
    }
  }

  return {
    settings,
    invoke,
    async invokeLater(event) {
      let outcome = await invoke(event)
      for (let retry = 0; retry < 2 && 'error' in outcome; retry++) outcome = await invoke(event)
      return outcome
    },
    async pass(milliseconds) {
      passed += milliseconds
      for (const environment of all) if (environment.alive) await environment.pass(milliseconds)
    },
    environments: () => [...all].filter(({ alive }) => alive),
    output: () => former + [...all].map(({ output }) => output).join(''),
    async kill() {
      await Promise.all([...all].map((environment) => environment.kill()))
    },
  }
}
