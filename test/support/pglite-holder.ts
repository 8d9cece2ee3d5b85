import { createPgliteSource, servePglite } from '../../src/adapters/pglite/source.ts'

/** A process of its own that holds the data folder of its first argument and serves it on the socket of its second. */
const [dataDir = '', socketPath = ''] = process.argv.slice(2)
const source = createPgliteSource({ name: 'main', dataDir })
await source.ping()
await servePglite(source, { socketPath })
process.stdout.write('ready\n')
