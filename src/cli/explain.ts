import type { Command } from 'commander'
import type { Explanation } from '../operate/explanation.ts'
import { ago, clockTime } from '../operate/words.ts'
import type { Io } from './io.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

export function addExplain(program: Command, io: Io): void {
  systemCommand(program, 'explain <key>', 'say why a product is as it is')
    .addHelpText('after', '\nExample:\n  kck explain package/curl')
    .action((key: string, options: SystemOptions) =>
      withSystem(options, io, async ({ operate }) => {
        const explained = await operate.explain(key)
        io.out(options.json ? JSON.stringify(explained) : linesOf(explained).join('\n'))
      }),
    )
}

function linesOf({ summary, reasons, primer, value, inputs, dependents, refresh, history }: Explanation): string[] {
  return [
    summary,
    ...reasons.map(({ text }) => `  - ${text}`),
    ...section('primer', [`${primer.name}${primer.file ? ` (${primer.file})` : ''}`]),
    ...section('value', value ? valueLines(value) : ['none']),
    ...section(
      'reads',
      inputs.map(({ node, version, versionNow, state }) => {
        const read = version === null ? '' : `  version ${version}`
        const now = versionNow === null || versionNow === version ? '' : `, now ${versionNow}`
        return `${node}${read}${now}${state === null || state === 'fresh' ? '' : `, ${state}`}`
      }),
    ),
    ...section('read by', [...dependents.keys, ...(dependents.more ? ['and more'] : [])]),
    ...section('refresh', refreshLines(refresh)),
    ...section(
      'history',
      history.map(({ at, what, cause, ms, rows, version, error }) => {
        const parts = [
          cause,
          ...(ms === undefined ? [] : [`${ms} ms`]),
          ...(rows === undefined ? [] : [`${rows} rows`]),
          ...(version === undefined ? [] : [`version ${version}`]),
          ...(error === undefined ? [] : [error]),
        ]
        return `${clockTime(at)}  ${what.padEnd(9)}  ${parts.join(', ')}`
      }),
    ),
  ]
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)]
}

function valueLines(value: NonNullable<Explanation['value']>): string[] {
  const { version, ageMs, asOf, softExpiresAt, hardExpiresAt, bytes, encoding, costMs } = value
  return [
    `version ${version}, ${ago(ageMs)} old (as of ${clockTime(asOf)})`,
    `${bytes} bytes (${encoding}), took ${ago(costMs)} to compute`,
    `soft TTL ends ${softExpiresAt === null ? 'never' : clockTime(softExpiresAt)}, hard TTL ${hardExpiresAt === null ? 'never' : clockTime(hardExpiresAt)}`,
  ]
}

function refreshLines({ dueAt, choice, failure, lastReadAt }: Explanation['refresh']): string[] {
  return [
    ...(dueAt === null ? [] : [`due ${clockTime(dueAt)}`]),
    ...(choice === null
      ? []
      : [`lane ${choice.lane ?? 'none'}, score ${choice.score.toPrecision(3)}: ${choice.reason}`]),
    ...(failure === null ? [] : [`failed ${failure.attempts} times: ${failure.code}: ${failure.message}`]),
    ...(lastReadAt === null ? [] : [`last read about ${clockTime(lastReadAt)}`]),
  ]
}
