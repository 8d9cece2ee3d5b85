import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'

/** Writes docs/configuration.md from the comments in src/config/config.ts, so that there is one text to keep true. */

const source = new URL('../src/config/config.ts', import.meta.url)
const page = new URL('../docs/configuration.md', import.meta.url)

interface Member {
  readonly name: string
  readonly type: string
  readonly doc: string
}

interface Shape {
  readonly name: string
  readonly base: string | null
  readonly doc: string
  readonly members: readonly Member[]
}

const doc = String.raw`\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n`
const shapePattern = new RegExp(
  String.raw`^(?:${doc})?(?:export )?interface (\w+)(?: extends (\w+))? \{\n([\s\S]*?)^\}`,
  'gm',
)
const memberPattern = new RegExp(String.raw`^(?: {2}${doc})? {2}readonly (\w+)\??: (.+)$`, 'gm')
const unionPattern = /^type (\w+) = (\w+(?: \| \w+)*)$/gm

function shapesIn(text: string): ReadonlyMap<string, Shape> {
  const shapes = [...text.matchAll(shapePattern)].map(([, about = '', name = '', base, body = '']): Shape => {
    const members = [...body.matchAll(memberPattern)].map(([, described = '', member = '', type = '']) => {
      return { name: member, type, doc: plain(described) }
    })
    return { name, base: base ?? null, doc: plain(about), members }
  })
  return new Map(shapes.map((shape) => [shape.name, shape]))
}

const plain = (comment: string) =>
  comment
    .replaceAll(/^\s*\*? ?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim()

/** The page, from the text of `config.ts`. */
export function referenceOf(text: string): string {
  const shapes = shapesIn(text)
  const unions = new Map([...text.matchAll(unionPattern)].map(([, name = '', of = '']) => [name, of.split(' | ')]))
  const root = shapes.get('KckConfig')
  if (root === undefined) throw new Error('config.ts has no interface KckConfig')
  const sections = root.members.flatMap((member) => sectionsOf(member, shapes, unions))
  const first = root.members.filter(({ type }) => shapeNames(type, shapes, unions).length === 0)
  return `${[
    '# Configuration',
    'All settings of `kck.config.ts`, with their defaults and the environment variables that stand above them.',
    '_Written by `node scripts/reference.ts` from `src/config/config.ts`; a test fails when it is out of date._',
    root.doc,
    'A name that is no setting, or a value that cannot be, refuses the start and says which; `npx kck check` does the same without serving.',
    'A duration is `500ms`, `90s`, `5m`, `12h`, `1d`, `2w`, `1h30m`, or a number of milliseconds. A size is `512kb`, `64mb`, `1gb` (powers of 1024), or a number of bytes.',
    "`Access` is `'public'`, `'authenticated'`, `{ scopes: [...] }`, `{ groups: [...] }`, or in code a function: [security](security.md).",
    '## At the top',
    table(first),
    ...sections,
  ].join('\n\n')}\n`
}

type Shapes = ReadonlyMap<string, Shape>
type Unions = ReadonlyMap<string, readonly string[]>

/** The interfaces that a type names: `StoreConfig`, `Readonly<Record<string, SourceConfig>>`. */
function shapeNames(type: string, shapes: Shapes, unions: Unions): readonly string[] {
  return (type.match(/\w+/g) ?? []).flatMap((word) => (unions.get(word) ?? [word]).filter((name) => shapes.has(name)))
}

function sectionsOf(member: Member, shapes: Shapes, unions: Unions, parent = ''): readonly string[] {
  const names = shapeNames(member.type, shapes, unions)
  if (names.length === 0) return []
  const path = `${parent}${member.name}${member.type.includes('Record<') ? '.<name>' : ''}`
  const described = names.flatMap((name) => {
    const shape = shapes.get(name)
    if (shape === undefined) return []
    const members = [...shape.members, ...(shapes.get(shape.base ?? '')?.members ?? [])]
    return [{ shape, own: members.filter((one) => one.name !== 'kind') }]
  })
  return [
    `${parent === '' ? '##' : '###'} \`${path}\``,
    ...(member.doc === '' ? [] : [withDefault(member.doc)]),
    ...described.flatMap(({ shape, own }) => {
      const kind = shape.members.find(({ name }) => name === 'kind')?.type
      const simple = own.filter(({ type }) => shapeNames(type, shapes, unions).length === 0)
      const about = [names.length > 1 ? `**\`kind: ${kind}\`**` : '', shape.doc].filter((text) => text !== '').join(' ')
      return [...(about === '' ? [] : [about]), ...(simple.length === 0 ? [] : [table(simple)])]
    }),
    // What several kinds have in common stands once.
    ...new Set(described.flatMap(({ own }) => own.flatMap((one) => sectionsOf(one, shapes, unions, `${path}.`)))),
  ]
}

function table(members: readonly Member[]): string {
  const rows = members.map(({ name, type, doc: text }) => {
    const [meaning = '', fallback = ''] = text.split(/\s*@default\s+/)
    const variables = [...meaning.matchAll(/Environment: ((?:`[^`]+`[^`.]*)+)\.?/g)].map(([, list = '']) => list.trim())
    const rest = meaning.replaceAll(/\s*Environment: (?:`[^`]+`[^`.]*)+\.?/g, '').trim()
    const cells = [`\`${name}\``, code(type), rest, asCode(fallback), variables.join(' ')]
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| setting | type | meaning | default | environment |', '|---|---|---|---|---|', ...rows].join('\n')
}

const code = (type: string) => `\`${type.replaceAll('readonly ', '')}\``

/** A value as code, words as they are. */
const asCode = (text: string) =>
  /^('[^']*'|"[^"]*"|\{[^`]*\}|\[[^`]*\]|[\d_]+|true|false)$/.test(text) ? `\`${text}\`` : text

const withDefault = (text: string) => {
  const [meaning = '', fallback] = text.split(/\s*@default\s+/)
  return fallback === undefined ? meaning : `${meaning} Default: ${asCode(fallback)}.`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await writeFile(page, referenceOf(await readFile(source, 'utf8')))
}
