import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { isShown } from '../support/docs/output.ts'
import { type Block, blocksOf, isOutput, isRun, pageNames, placeOf, root } from '../support/docs/pages.ts'
import { folderWith, linkPackages, makePrograms, PageShell } from '../support/docs/project.ts'

// Half a minute in all on a machine that has nothing else to do.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const exec = promisify(execFile)

let folder: string
let programs: string
let base: string
const projects: string[] = []
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-docs-'))
  programs = join(folder, 'programs')
  base = join(folder, 'base')
  makePrograms(programs)
  const kck = (args: readonly string[], cwd: string) => exec(join(programs, 'kck'), [...args], { cwd })
  await kck(['init', 'base', '--yes', '--name', 'shop'], folder)
  linkPackages(base)
  // Also makes the embedded database, which takes some seconds: each page gets a copy.
  await kck(['types'], base)
  projects.push(base)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const pages = pageNames.filter((page) => blocksOf(page).some(isRun))

it.each(pages)('what %s says can be done', async (page) => {
  const blocks = blocksOf(page)
  const begins = blocks.find(isRun)?.text ?? ''
  const copyOf = begins.includes('kck init') ? null : base
  const shell = new PageShell({ folder: join(folder, page.replaceAll(/\W/g, '-')), programs, copyOf })
  try {
    await follow(blocks, shell)
    if (blocks.some(({ file }) => file?.endsWith('.ts'))) projects.push(shell.folder)
  } finally {
    await shell.stop()
  }
})

async function follow(blocks: readonly Block[], shell: PageShell): Promise<void> {
  let printed = ''
  for (const block of blocks) {
    if (block.file !== null) await shell.write(block.file, block.text)
    if (isRun(block)) printed = await shell.run(block.text)
    // Where it is not shown, vitest says how the two differ.
    if (isOutput(block) && !isShown(printed, block.text, block.language))
      expect(printed, placeOf(block)).toBe(block.text)
  }
}

it('every ts block compiles', async () => {
  const example = join(folder, 'example')
  for (const part of ['primers', 'updaters']) cpSync(join(root, part), join(example, part), { recursive: true })
  linkPackages(example)
  for (const project of [example, folder]) writeFileSync(join(project, 'package.json'), '{"type":"module"}')
  const folders = [join(example, 'primers'), join(base, 'primers')]
  const blocks = pageNames.flatMap(blocksOf).filter((block) => block.language === 'ts' && block.file === null)
  const places = new Map<string, string>()
  for (const [at, block] of blocks.entries()) {
    const imports = [...block.text.matchAll(/from '\.\/(\w+\.sql)'/g)].map(([, name = '']) => name)
    const file = join(folderWith(imports, folders), `block_${at}.ts`)
    writeFileSync(file, moduleOf(block))
    places.set(`block_${at}.ts`, placeOf(block))
  }
  mkdirSync(join(folder, 'compile'))
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noUnusedLocals: false,
      noUnusedParameters: false,
      noPropertyAccessFromIndexSignature: false,
      rootDir: '/',
      typeRoots: [join(root, 'node_modules/@types')],
    },
    include: [
      join(example, 'primers'),
      ...projects.flatMap((project) => [join(project, 'primers'), join(project, '*.ts')]),
    ],
  }
  writeFileSync(join(folder, 'compile/tsconfig.json'), JSON.stringify(config))
  const found = await exec(join(programs, 'tsc'), ['-p', join(folder, 'compile')]).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  )
  expect(found.replaceAll(/block_\d+\.ts/g, (name) => places.get(name) ?? name)).toBe('')
})

const helpers = 'boolean, date, defineConfig, float, int, oneOf, primer, schema, string, updater, uuid'

/** A block as a module; one that leaves its imports out, or is a part of a primer, gets what it stands in. */
function moduleOf({ text, words }: Block): string {
  const imports = text.includes("from 'kck'") ? '' : `import { ${helpers} } from 'kck'\n`
  if (!words.includes('part')) return `${imports}${text}export {}\n`
  return `${imports}primer({ name: 'part', parameters: {}, compute: () => ({ sum: 0 }),\n${text}})\nexport {}\n`
}
