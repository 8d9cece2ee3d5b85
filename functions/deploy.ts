import { systemClock } from '../src/adapters/system/clock.ts'
import { beforeFreeze } from './before-freeze.ts'
import { respond } from './cloudformation.ts'
import { type Database, prepareDatabase } from './database-users.ts'
import { createDeployHandler } from './deploy-handler.ts'
import { writeMetrics } from './metrics.ts'
import { runtime } from './runtime.ts'
import { readLogin } from './secret.ts'

const clock = systemClock
const login = (secretArn: string) => readLogin(secretArn, { clock })

async function system() {
  const { kck, store, openProcesses } = await runtime()
  // Tables that CloudFormation has made may still be on their way.
  await store.createSchema()
  return { kck, worker: await openProcesses() }
}

async function prepare(properties: Readonly<Record<string, unknown>>, signal: AbortSignal) {
  const databases = (properties['Databases'] ?? []) as readonly Database[]
  // One after the other: they may be in one cluster, and have the same users.
  for (const database of databases) await prepareDatabase(database, { login }, signal)
}

/** Runs once in every deployment, when all else is there. */
export const handler = createDeployHandler({ system, prepare, respond, clock })
  .use(writeMetrics)
  .use(beforeFreeze(runtime))
