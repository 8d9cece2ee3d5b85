import { copyFileSync, cpSync, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const source = fileURLToPath(new URL('../console', import.meta.url))

/** Bundles the console's page into `folder`: `index.html`, `app.js`, `app.css`. */
export async function buildConsole(folder: string): Promise<void> {
  await build({
    entryPoints: { app: join(source, 'src/main.tsx'), style: join(source, 'src/style.css') },
    entryNames: '[name]',
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'error',
    tsconfig: join(source, 'tsconfig.json'),
  })
  copyFileSync(join(source, 'index.html'), join(folder, 'index.html'))
}

/** The same when what is there is older than its sources, or missing. */
export async function buildConsoleIfStale(folder: string): Promise<void> {
  const built = join(folder, 'index.html')
  const builtAt = existsSync(built) ? statSync(built).mtimeMs : 0
  const sources = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(folder))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs)
  if (Math.max(...sources) > builtAt) await buildConsole(folder)
}

/** The page for functions: as the published package holds it, or built from its sources. */
export async function bundleConsole(into: string): Promise<void> {
  const folder = join(into, 'console')
  if (existsSync(join(source, 'src'))) await buildConsole(folder)
  else cpSync(join(source, 'dist'), folder, { recursive: true })
}
