// `npm start`: fills the example's Postgres when it is not there yet, then serves it like `kck serve`.
import { fileURLToPath } from 'node:url'
import { loadConfig } from '../src/config/load.ts'
import { prepareExample } from './example.ts'

const print = (text: string) => process.stdout.write(text)

const config = await loadConfig(fileURLToPath(new URL('..', import.meta.url)))
const source = config.sources['debian']
// Not where the settings or the environment name another database.
if (source?.kind === 'pglite' && source.path !== null) await prepareExample(source.path, print)
