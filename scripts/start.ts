// `npm start`: fills the example's Postgres when it is not there yet, then does what `kck serve` does.
import { fileURLToPath } from 'node:url'
import { buildConsoleIfStale } from '../infra/console.ts'
import { processIo } from '../src/cli/io.ts'
import { main } from '../src/cli/main.ts'
import { loadConfig } from '../src/config/load.ts'
import { prepareExample } from './example.ts'

const folder = fileURLToPath(new URL('..', import.meta.url))
const print = (text: string) => process.stdout.write(text)

// Settings that are refused are reported below, by the command itself.
const source = (await loadConfig(folder).catch(() => null))?.sources['debian']
// Not where the settings or the environment name another database.
if (source?.kind === 'pglite' && source.path !== null) await prepareExample(source.path, print)

await buildConsoleIfStale(fileURLToPath(new URL('../console/dist', import.meta.url)))

process.exitCode = await main(['serve', '--folder', folder, '--json', ...process.argv.slice(2)], {
  ...processIo,
  out: (line) => print(welcome(JSON.parse(line).url)),
})

function welcome(url: string): string {
  const update = '{"version":"3.0.22-1~deb12u2","installed_kib":6042,"size_bytes":2039888}'
  return `Serving on ${url}. Try:

Console: ${url}/console

curl ${url}/fetch/install_footprint/gnome
curl ${url}/fetch/package_card/libssl3
curl -X PUT ${url}/update/package_version/libssl3 -H 'content-type: application/json' -d '${update}'

`
}
