import { parentPort, workerData } from 'node:worker_threads'
import type { EngineOptions } from './engine.ts'
import { toWire } from './protocol.ts'
import { SourceServer } from './serve.ts'

/** PGlite's own decoder drops a byte order mark at the start of a value, which is the user's data. */
globalThis.TextDecoder = class extends TextDecoder {
  constructor(label?: string, options?: ConstructorParameters<typeof TextDecoder>[1]) {
    super(label, { ...options, ignoreBOM: true })
  }
}

/** The thread in which PGlite runs, so that a long statement does not stop the process that waits for it. */
async function main(options: EngineOptions): Promise<void> {
  if (!parentPort) throw new Error('Started as a thread only')
  const port = parentPort
  // Not before the decoder is in place.
  const { openError, PgliteEngine } = await import('./engine.ts')
  try {
    const engine = await PgliteEngine.open(options)
    const server = new SourceServer(engine, { send: (reply) => port.postMessage(reply) }, (file) => engine.dump(file))
    port.on('message', (message) => {
      if (message === 'close') void engine.close().finally(() => process.exit(0))
      else void server.receive(message)
    })
    port.postMessage('ready')
  } catch (error) {
    port.postMessage({ openError: toWire(openError(options.name, error)) })
  }
}

await main(workerData as EngineOptions)
