import type { Command } from 'commander'
import type { ResolvedConfig } from '../config/resolved.ts'
import { asKckError, type KckError } from '../errors.ts'
import type { Backlog } from '../operate/contract.ts'
import { ago } from '../operate/words.ts'
import type { Io } from './io.ts'
import { CommandFailed, registryOf, settingsOf } from './subcommand.ts'
import { isRemote, type SystemOptions, systemCommand, withSystem } from './system/open.ts'

/** What was looked at, how it is, and what to do about it. */
interface Finding {
  readonly part: string
  readonly state: 'ok' | 'warning' | 'failure'
  readonly text: string
  readonly advice?: string
}

/** The oldest Node that runs TypeScript as it is. */
const oldestNode = [22, 18] as const
/** Answers that take longer are worth a look. */
const slowMs = 1_000
/** What has waited for longer has probably no worker. */
const longWaitMs = 300_000

export function addDoctor(program: Command, io: Io): void {
  systemCommand(program, 'doctor', 'look at everything that KCK needs, and say what to do')
    .addHelpText('after', '\nEnds with 1 when something does not work; warnings do not count.')
    .action(async (options: SystemOptions) => {
      const findings = await examine(options, io)
      if (options.json) io.out(JSON.stringify({ findings }))
      else for (const line of findings.flatMap(linesOf)) io.out(line)
      if (findings.some(({ state }) => state === 'failure')) throw new CommandFailed()
    })
}

async function examine(options: SystemOptions, io: Io): Promise<readonly Finding[]> {
  const findings: Finding[] = [nodeFinding(process.versions.node)]
  if (isRemote(options, io)) return [...findings, ...(await examineRunning(options, io))]
  const config = await settled(settingsOf(options, io))
  if ('error' in config)
    return [...findings, failure('settings', config.error, 'Mend kck.config.ts, or the environment.')]
  findings.push({
    part: 'settings',
    state: 'ok',
    text: `store ${config.value.store.kind}, queue ${config.value.queue.kind}`,
  })
  findings.push(authFinding(config.value))
  const registry = await settled(registryOf(config.value))
  if ('error' in registry) {
    return [
      ...findings,
      failure('definitions', registry.error, 'Mend the file that is named; kck check shows the rest.'),
    ]
  }
  const { primers, updaters } = registry.value
  const text = `${primers.size} primers, ${updaters.size} updaters`
  const none =
    primers.size === 0
      ? ({ state: 'warning', advice: 'Write a primer, or run kck init.' } as const)
      : ({ state: 'ok' } as const)
  findings.push({ part: 'definitions', text, ...none })
  return [...findings, ...(await examineRunning(options, io))]
}

async function examineRunning(options: SystemOptions, io: Io): Promise<readonly Finding[]> {
  const advice = isRemote(options, io)
    ? 'Is it the address of a KCK, and the token one of an operator?'
    : 'Is the store there? Settings: store; for Cassandra run kck schema first.'
  const opened = await settled(
    withSystem(options, io, async ({ health, operate }) => {
      const [{ parts }, backlog] = await Promise.all([health(), settled(operate.backlog({ limit: 100 }))])
      const found = Object.entries(parts).map(([part, one]) => partFinding(part, one))
      return 'error' in backlog
        ? [...found, failure('queue', backlog.error, 'Run kck schema; for SQS look at the queues and the permissions.')]
        : [...found, ...backlogFindings(backlog.value, Date.now())]
    }),
  )
  return 'error' in opened ? [failure('start', opened.error, advice)] : opened.value
}

function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])
  const text = `version ${version}`
  if (!isOld) return { part: 'Node', state: 'ok', text }
  return { part: 'Node', state: 'failure', text, advice: `Install Node ${oldestNode.join('.')} or newer.` }
}

function authFinding({ auth, access, server }: ResolvedConfig): Finding {
  const isOpen = [access.fetch, access.update, access.admin].includes('public')
  const part = 'auth'
  if (auth === null) {
    const text = isOpen ? 'nobody signs in, and some of it is for everybody' : 'nobody can sign in'
    const isLocal = ['127.0.0.1', '::1', 'localhost'].includes(server.host)
    if (isLocal || !isOpen) return { part, state: 'ok', text }
    return { part, state: 'warning', text, advice: 'Set auth: whoever reaches this address may use it.' }
  }
  return { part, state: 'ok', text: `issuer ${auth.issuer}` }
}

function partFinding(part: string, { ok, ms, code }: { ok: boolean; ms: number; code?: string }): Finding {
  if (!ok) {
    const advice =
      part === 'store'
        ? 'Is it running? Settings: store.'
        : `Is it running? Settings: sources.${part.replace('source ', '')}.`
    return { part, state: 'failure', text: `does not answer (${code})`, advice }
  }
  const slow =
    ms > slowMs ? ({ state: 'warning', advice: 'It is slow; look at its load.' } as const) : ({ state: 'ok' } as const)
  return { part, text: `answers in ${ms} ms`, ...slow }
}

function backlogFindings({ waiting, failing, depth }: Backlog, now: number): readonly Finding[] {
  const oldest = Math.max(0, ...waiting.map(({ since }) => now - since))
  const messages = Object.values(depth).reduce((sum, count) => sum + count, 0)
  const text = `${messages} messages, ${waiting.length} products wait${waiting.length === 0 ? '' : `, the longest for ${ago(oldest)}`}`
  const late =
    oldest > longWaitMs
      ? ({ state: 'warning', advice: 'Does a worker run (kck serve, kck worker)?' } as const)
      : ({ state: 'ok' } as const)
  const parked = failing.filter(({ retryAt }) => retryAt === null).length
  const failingText = failing.length === 0 ? 'none' : `${failing.length} products fail, ${parked} of them are parked`
  const broken =
    failing.length > 0 ? ({ state: 'warning', advice: 'kck queue says why.' } as const) : ({ state: 'ok' } as const)
  return [
    { part: 'queue', text, ...late },
    { part: 'failing', text: failingText, ...broken },
  ]
}

function failure(part: string, { message, code }: KckError, advice: string): Finding {
  return { part, state: 'failure', text: `${message} (${code})`, advice }
}

async function settled<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly error: KckError }> {
  try {
    return { value: await work }
  } catch (error) {
    return { error: asKckError(error) }
  }
}

const signs = { ok: 'ok', warning: '! ', failure: 'XX' }

function linesOf({ part, state, text, advice }: Finding): string[] {
  return [
    `${signs[state]}  ${part.padEnd(14)} ${text}`,
    ...(advice === undefined ? [] : [`${' '.repeat(19)}-> ${advice}`]),
  ]
}
