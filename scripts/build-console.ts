// `npm run build-console [folder]`: the console's page as it is served. `npm start` does the same when it is missing.
import { fileURLToPath } from 'node:url'
import { buildConsole } from '../infra/console.ts'

await buildConsole(process.argv[2] ?? fileURLToPath(new URL('../console/dist', import.meta.url)))
