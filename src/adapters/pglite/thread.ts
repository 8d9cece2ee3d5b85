import { parentPort, workerData } from 'node:worker_threads'
import { type EngineOptions, openError, PgliteEngine } from './engine.ts'
import { toWire } from './protocol.ts'
import { SourceServer } from './serve.ts'

/** The thread in which PGlite runs, so that a long statement does not stop the process that waits for it. */
async function main(options: EngineOptions): Promise<void> {
  if (!parentPort) throw new Error('Started as a thread only')
  const port = parentPort
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
