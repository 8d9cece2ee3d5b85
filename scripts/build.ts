// `npm run build`: the package as it is published, in `build/`: JavaScript with types, since Node does not remove types
// below node_modules. `npm publish ./build` puts it out.
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildConsole } from '../infra/console.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const to = process.argv[2] ?? join(root, 'build')

rmSync(to, { recursive: true, force: true })
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'tsconfig.build.json'), '--outDir', to], {
  stdio: 'inherit',
})
await buildConsole(join(to, 'console/dist'))
for (const name of ['bin', 'templates', 'docs', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
  cpSync(join(root, name), join(to, name), { recursive: true })
}
writeFileSync(join(to, 'package.json'), `${JSON.stringify(published(), null, 2)}\n`)

/** What is only needed to deploy, or to work on KCK itself, is left to whoever does. */
function published() {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const { name, version, description, license, type, engines, bin, dependencies, devDependencies } = own
  const peers = ['aws-cdk-lib', 'constructs', 'esbuild']
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    bin,
    sideEffects: false,
    exports: Object.fromEntries(Object.entries<string>(own.exports).map(([path, file]) => [path, conditions(file)])),
    dependencies,
    peerDependencies: Object.fromEntries(peers.map((peer) => [peer, `^${devDependencies[peer]}`])),
    peerDependenciesMeta: Object.fromEntries(peers.map((peer) => [peer, { optional: true }])),
  }
}

function conditions(file: string) {
  if (!file.endsWith('.ts')) return file
  const bare = file.replace(/\.ts$/, '')
  return { types: `${bare}.d.ts`, default: `${bare}.js` }
}
