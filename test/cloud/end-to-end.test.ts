import { afterAll, beforeAll, beforeEach, describe, inject, onTestFailed } from 'vitest'
import { type CloudTarget, startCloudTarget } from '../support/cloud/cloud-target.ts'
import { startLocalTarget } from '../support/cloud/local-target.ts'
import type { Target } from '../support/cloud/target.ts'
import { endToEnd } from './end-to-end.ts'

const cassandra = inject('cassandra')
const { connectionString } = inject('postgres')

describe('npm start', () => {
  let target: Target
  beforeAll(async () => {
    target = await startLocalTarget(connectionString)
  })
  afterAll(() => target?.stop())
  beforeEach(() => onTestFailed(() => process.stderr.write(target.log())))
  endToEnd(() => target)
})

describe.skipIf(cassandra === null)('the cloud on one machine', () => {
  let target: CloudTarget
  beforeAll(async () => {
    if (cassandra) target = await startCloudTarget(connectionString, cassandra)
  })
  afterAll(() => target?.stop())
  beforeEach(() => onTestFailed(() => process.stderr.write(target.log())))
  endToEnd(() => target)
})
