import type { Command } from 'commander'
import type { ResolvedConfig } from '../config/resolved.ts'
import type { Access, AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import type { Io } from './io.ts'
import { CommandFailed, type CommonOptions, registryOf, settingsOf, subcommand, withRuntime } from './subcommand.ts'

export function addCheck(program: Command, io: Io): void {
  subcommand(program, 'check', 'check settings, primers and updaters, and say what there is')
    .option('--connect', 'also whether the store and the sources answer')
    .action(async (options: CommonOptions & { readonly connect?: boolean }) => {
      const config = await settingsOf(options, io)
      const registry = await registryOf(config)
      const health = options.connect ? await withRuntime(options, io, ({ kck }) => kck.health()) : null
      const report = { ...summaryOf(config, registry), ...(health ? { health: health.parts } : {}) }
      if (options.json) io.out(JSON.stringify(report))
      else for (const line of linesOf(report)) io.out(line)
      if (health?.ok === false) throw new CommandFailed()
    })
}

function summaryOf(config: ResolvedConfig, { primers, updaters }: Registry) {
  return {
    store: config.store.kind,
    sources: Object.fromEntries(Object.entries(config.sources).map(([name, { kind }]) => [name, kind])),
    auth: config.auth?.issuer ?? null,
    primers: [...primers.values()].map((primer: AnyPrimer) => ({
      key: templateOf(primer.name, primer.parameters),
      file: primer.file,
      access: accessText(primer.access ?? config.access.fetch),
    })),
    updaters: [...updaters.values()].map(({ name, key, file, access }) => ({
      key: templateOf(name, key),
      file,
      access: accessText(access ?? config.access.update),
    })),
  }
}

type Report = ReturnType<typeof summaryOf> & {
  readonly health?: Readonly<Record<string, { readonly ok: boolean; readonly ms: number; readonly code?: string }>>
}

function linesOf({ store, sources, auth, primers, updaters, health = {} }: Report): string[] {
  const rows = (title: string, items: Report['primers']) => {
    const width = Math.max(0, ...items.map(({ key }) => key.length))
    return [
      `${title} (${items.length})`,
      ...items.map(({ key, access, file }) => `  ${key.padEnd(width)}  ${access}  ${file ?? ''}`),
    ]
  }
  return [
    `store    ${store}`,
    `sources  ${Object.entries(sources)
      .map(([name, kind]) => `${name} (${kind})`)
      .join(', ')}`,
    `auth     ${auth ?? 'nobody can sign in'}`,
    ...rows('primers', primers),
    ...rows('updaters', updaters),
    ...Object.entries(health).map(
      ([part, { ok, ms, code }]) => `${part}: ${ok ? `answers in ${ms} ms` : `does not answer (${code})`}`,
    ),
  ]
}

const templateOf = (name: string, parameters: object) =>
  [name, ...Object.keys(parameters).map((parameter) => `:${parameter}`)].join('/')

function accessText(access: Access): string {
  if (typeof access === 'string') return access
  if (typeof access === 'function') return access.name === 'nobody' ? 'nobody' : 'a rule'
  return 'scopes' in access ? `scopes ${access.scopes.join(' or ')}` : `groups ${access.groups.join(' or ')}`
}
