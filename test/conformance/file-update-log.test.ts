import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileUpdateLog } from '../../src/adapters/file-log/update-log.ts'
import { updateLogConformance } from './update-log.ts'

updateLogConformance('file', async () => {
  const path = mkdtempSync(join(tmpdir(), 'kck-log-'))
  const logs = [new FileUpdateLog({ path })]
  const [log] = logs as [FileUpdateLog]
  return {
    log,
    another: async () => {
      const second = new FileUpdateLog({ path })
      logs.push(second)
      return second
    },
    stored: async () => (await log.read(0, { bytes: Number.POSITIVE_INFINITY })).updates.length,
    close: async () => {
      await Promise.all(logs.map((each) => each.close()))
      rmSync(path, { recursive: true, force: true })
    },
  }
})
