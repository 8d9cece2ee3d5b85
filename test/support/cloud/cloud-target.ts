import type { CassandraAddress } from '../cassandra/start.ts'
import { openShopDatabase, shop } from './local-target.ts'
import { type Cloud, startCloud } from './start.ts'
import { synthesize } from './synthesize.ts'
import type { Target } from './target.ts'

export interface CloudTarget extends Target {
  readonly cloud: Cloud
}

/** The shop as `cdk deploy` would deploy it, on this machine. What a killed worker held comes again after seconds. */
export async function startCloudTarget(postgres: string, cassandra: CassandraAddress): Promise<CloudTarget> {
  const [database, assembly] = await Promise.all([openShopDatabase(postgres), synthesize(shop)])
  const cloud = await startCloud({
    assembly: assembly.folder,
    cassandra,
    database: database.connectionString,
    hurry: 100,
  })
  const { storage, dataApi, keyspaces, functions, issuer, scheduler } = cloud
  const killAll = async () => {
    await Promise.all([...functions.values()].map((each) => each.kill()))
  }
  const answer = await cloud.deploy()
  if (answer.Status !== 'SUCCESS') throw new Error(`Deploying failed: ${answer.Reason}`)
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
      'Data API': { stop: () => dataApi.proxy.refuse(), start: () => dataApi.proxy.listen() },
      'SQS and S3': { stop: () => storage.proxy.refuse(), start: () => storage.proxy.listen() },
    },
    log: () => [...functions].map(([name, each]) => `--- ${name}\n${each.output().slice(-4_000)}`).join('\n'),
    async stop() {
      await cloud.stop()
      await database.drop()
      await assembly.remove()
    },
  }
}
