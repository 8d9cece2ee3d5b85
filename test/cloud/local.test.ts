import { afterAll, beforeAll, beforeEach, inject, onTestFailed } from 'vitest'
import { startLocalTarget } from '../support/cloud/local-target.ts'
import type { Target } from '../support/cloud/target.ts'
import { endToEnd } from './end-to-end.ts'

let target: Target
beforeAll(async () => {
  target = await startLocalTarget(inject('postgres').connectionString)
})
afterAll(() => target?.stop())
beforeEach(() => onTestFailed(() => void process.stderr.write(target.log())))

endToEnd(() => target)
