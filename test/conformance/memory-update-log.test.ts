import { MemoryUpdateLog } from '../../src/adapters/memory/update-log.ts'
import { updateLogConformance } from './update-log.ts'

updateLogConformance('memory', async () => {
  const log = new MemoryUpdateLog('log')
  return {
    log,
    another: async () => log,
    stored: async () => (await log.read(0, { bytes: Number.POSITIVE_INFINITY })).updates.length,
    close: () => log.close(),
  }
})
