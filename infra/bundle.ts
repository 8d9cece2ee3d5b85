import { copyFile, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'
import { bundleConsole } from './console.ts'
import { type Project, projectModule, sqlModule } from './project.ts'

/** The functions, by the names of their files in `functions/`. */
const FUNCTIONS = ['fetch', 'update', 'refresh-worker', 'process-worker', 'change', 'deploy'] as const

export interface Bundle {
  /** Absolute: what Lambda unpacks for every function. */
  readonly folder: string
  readonly metafile: Metafile
}

/** `.ts` in a clone, `.js` in a published package. */
const extension = extname(import.meta.url)
const root = fileURLToPath(new URL('..', import.meta.url))
const require = createRequire(import.meta.url)

/** Modules of CommonJS look for these three. */
const banner = [
  "import{createRequire as __cr}from'node:module'",
  "import{fileURLToPath as __fu}from'node:url'",
  'const require=__cr(import.meta.url)',
  'const __filename=__fu(import.meta.url)',
  "const __dirname=__fu(new URL('.',import.meta.url))",
].join(';')

/**
 * All functions with the project's files in one folder, each function a file of its own that shares what they have in
 * common: one build, so that every function has the very same primers. Names are kept, so that a stack in a log can be
 * read without a map.
 */
export async function bundleFunctions(project: Project, into: string): Promise<Bundle> {
  const { metafile } = await build({
    // The project itself too, so that what is deployed can be looked at.
    entryPoints: [...FUNCTIONS, 'project'].map((name) => join(root, 'functions', `${name}${extension}`)),
    outdir: into,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'shared/[hash]',
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: { js: `${banner};` },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
    plugins: [theProject(project), onlyOfTheCloud],
  })
  await copyParser(into)
  await bundleConsole(into)
  return { folder: into, metafile }
}

/** Puts the project's own files where `functions/project.ts` has none. */
function theProject(project: Project): Plugin {
  return {
    name: 'kck-project',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^kck$/ }, () => ({ path: join(root, 'src', `index${extension}`) }))
      onLoad({ filter: /[\\/]functions[\\/]project\.[jt]s$/ }, () => ({
        contents: projectModule(project),
        loader: 'js',
        resolveDir: project.folder,
      }))
      onLoad({ filter: /\.sql$/ }, ({ path }) => ({
        contents: sqlModule(path, relative(project.folder, path)),
        loader: 'js',
        resolveDir: dirname(path),
      }))
    },
  }
}

const ONLY_ON_A_LAPTOP =
  /[\\/](adapters[\\/](lmdb|pglite|postgres|memory|file|file-log)[\\/][\w-]+|auth[\\/]local-issuer)\.[jt]s$/

/** What only a laptop uses is imported when its settings ask for it, which those of a function never do. */
const onlyOfTheCloud: Plugin = {
  name: 'kck-only-of-the-cloud',
  setup({ onLoad }) {
    onLoad({ filter: ONLY_ON_A_LAPTOP }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${relative(root, path)} is not part of a function`)})`,
      loader: 'js',
    }))
  },
}

/** PostgreSQL's parser is WebAssembly, which it looks for beside the file that it is in. */
async function copyParser(into: string): Promise<void> {
  const parser = join(dirname(require.resolve('libpg-query')), 'libpg-query.wasm')
  await mkdir(join(into, 'shared'), { recursive: true })
  await copyFile(parser, join(into, 'shared', 'libpg-query.wasm'))
}
