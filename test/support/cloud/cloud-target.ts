import type { CassandraAddress } from '../cassandra/start.ts'
import { startOwnPostgres } from '../postgres.ts'
import { openShopDatabase, shop } from './local-target.ts'
import { type Cloud, startCloud } from './start.ts'
import { synthesize } from './synthesize.ts'
import type { Target } from './target.ts'

export interface CloudTarget extends Target {
  readonly cloud: Cloud
}

/**
 * The shop as `cdk deploy` would deploy it, on this machine, with a PostgreSQL of its own: deploying makes users there.
 * What a killed worker held comes again after seconds.
 */
export async function startCloudTarget(cassandra: CassandraAddress): Promise<CloudTarget> {
  const [postgres, assembly] = await Promise.all([startOwnPostgres(), synthesize(shop)])
  const database = await openShopDatabase(postgres.connectionString, 'shop')
  const cloud = await startCloud({
    assembly: assembly.folder,
    cassandra,
    postgres: postgres.connectionString,
    hurry: 100,
  })
  const { storage, dataApi, keyspaces, functions, issuer, scheduler } = cloud
  const killAll = async () => {
    await Promise.all([...functions.values()].map((each) => each.kill()))
  }
  const log = () => [...functions].map(([name, each]) => `--- ${name}\n${each.output().slice(-4_000)}`).join('\n')
  const stop = async () => {
    await cloud.stop()
    await database.drop()
    await postgres.stop()
    await assembly.remove()
  }
  const answer = await cloud.deploy()
  if (answer.Status !== 'SUCCESS') {
    const message = `Deploying failed: ${answer.Reason}\n${log()}`
    await stop()
    throw new Error(message)
  }
  return {
    cloud,
    url: cloud.url,
    query: database.query,
    token: (contents) => issuer.token(contents),
    async runSchedules() {
      await cloud.pass(60_000)
      await scheduler.advance(cloud.now())
    },
    parts: {
      functions: { stop: killAll, start: async () => {} },
      gateway: { stop: async () => {}, start: () => cloud.restartGateway() },
      Keyspaces: { stop: () => keyspaces.stop(), start: () => keyspaces.restart() },
      PostgreSQL: { stop: () => postgres.kill(), start: () => postgres.restart() },
      'Data API': { stop: () => dataApi.proxy.refuse(), start: () => dataApi.proxy.listen() },
      'SQS and S3': { stop: () => storage.proxy.refuse(), start: () => storage.proxy.listen() },
    },
    log,
    stop,
  }
}
