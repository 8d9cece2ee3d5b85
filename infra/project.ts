import { readFileSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
// The one door from here to the program: what is deployed depends on what the project's own files define.
// biome-ignore lint/style/noRestrictedImports: see above.
import { type DescribedDefinition, describeProject, type ProjectDescription } from '../src/local/describe-project.ts'
// biome-ignore lint/style/noRestrictedImports: the same module that is made where Node itself imports a .sql file.
import { toModule } from '../src/primer/sql-hooks.ts'

export type Project = ProjectDescription

/** The project of a folder: its settings, primers, updaters and processes. Throws what `kck check` would say. */
export function loadProject(folder: string): Promise<Project> {
  return describeProject(resolve(folder))
}

export function sqlModule(path: string, label: string): string {
  return toModule(readFileSync(path, 'utf8'), label)
}

const here = (path: string) =>
  JSON.stringify(fileURLToPath(new URL(`../src/${path}${extname(import.meta.url)}`, import.meta.url)))

/** A module that exports the `project` of `functions/project.ts`. */
export function projectModule({ configFile, definitions }: Project): string {
  const codes = definitions.map(codeOf)
  const listOf = (kind: DescribedDefinition['kind']) =>
    definitions.flatMap((definition, index) => (definition.kind === kind ? [`d${index}`] : [])).join(', ')
  return [
    `import { stampRevision } from ${here('primer/revision')}`,
    configFile === null ? 'const file = {}' : `import file from ${JSON.stringify(configFile)}`,
    // Where a laptop has its log, copy and snapshots means nothing to a function: the stack says where.
    'const { log: _log, path: _path, snapshots: _snapshots, ...replica } = file.replica ?? {}',
    'const settings = { ...file, replica }',
    ...codes,
    `const definitions = { primers: [${listOf('primer')}], updaters: [${listOf('updater')}] }`,
    `export const project = { settings, definitions, processes: [${listOf('process')}] }`,
  ].join('\n')
}

function codeOf(definition: DescribedDefinition, index: number): string {
  const { kind, path, label, exported, revision } = definition
  const [name, file, text] = [`d${index}`, JSON.stringify(path), JSON.stringify(label)]
  const stamp = revision === null ? '' : `\nstampRevision(${name}, ${text}, ${JSON.stringify(revision)})`
  if (exported !== null) return `import { ${exported} as ${name} } from ${file}${stamp}`
  if (kind === 'primer' && path.endsWith('.sql')) return `import ${name} from ${file}${stamp}`
  const [reader, module] = readerOf(kind, path)
  const content = JSON.stringify(readFileSync(path, 'utf8'))
  return `import { ${reader} as r${index} } from ${here(module)}\nconst ${name} = r${index}(${content}, ${text})${stamp}`
}

function readerOf(kind: DescribedDefinition['kind'], path: string): readonly [reader: string, module: string] {
  if (kind === 'primer') return ['primerFromYaml', 'primer/yaml-primer']
  return path.endsWith('.sql') ? ['updaterFromSql', 'updater/sql-updater'] : ['updaterFromYaml', 'updater/yaml-updater']
}
