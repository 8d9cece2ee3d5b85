import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bareEnvironment, fixture, flat, ofType, type Template, templateOf } from '../support/infra/synth.ts'

let folder: string
let inside: Template
let onto: Template

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-existing-'))
  const app = fileURLToPath(new URL('../support/infra/existing-app.ts', import.meta.url))
  await promisify(execFile)(process.execPath, [app, fixture, folder], { cwd: fixture, env: bareEnvironment })
  ;[inside, onto] = await Promise.all([templateOf(folder, 'network'), templateOf(folder, 'existing')])
}, 180_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const variables = (template: Template, name: string) =>
  ofType(template, 'AWS::Lambda::Function').find(({ Properties }) => Properties.FunctionName === name)?.Properties
    .Environment.Variables

describe('in a network that is there', () => {
  it('only the database stands in it, of the capacity that was asked for and never paused', () => {
    expect(ofType(inside, 'AWS::EC2::VPC')).toEqual([])
    const [subnets] = ofType(inside, 'AWS::RDS::DBSubnetGroup')
    expect(subnets?.Properties.SubnetIds).toEqual(['subnet-0123456789abcdef1', 'subnet-0123456789abcdef2'])
    const scaling = ofType(inside, 'AWS::RDS::DBCluster')[0]?.Properties.ServerlessV2ScalingConfiguration
    expect(scaling).toEqual({ MinCapacity: 0.5, MaxCapacity: 16 })
    for (const { Properties } of ofType(inside, 'AWS::Lambda::Function')) expect(Properties.VpcConfig).toBeUndefined()
  })

  it('one stack holds all of it, without references to others', () => {
    expect(JSON.stringify(inside)).not.toMatch(/GetStackOutput|ImportValue/)
    expect(ofType(inside, 'AWS::Cassandra::Keyspace')[0]?.Properties.KeyspaceName).toBe('inside')
  })
})

describe('on a keyspace, cluster, user pool and domain that are there', () => {
  it('none of them is made', () => {
    for (const type of ['Cassandra::Keyspace', 'Cassandra::Table', 'RDS::DBCluster', 'EC2::VPC', 'Cognito::UserPool']) {
      expect(ofType(onto, `AWS::${type}`)).toEqual([])
    }
    expect(ofType(onto, 'AWS::SecretsManager::Secret')).toEqual([])
  })

  it('the functions hear of them', () => {
    expect(variables(onto, 'onto-fetch')).toMatchObject({
      KCK_STORE_KEYSPACE: 'theirs',
      KCK_SOURCE_SHOP_RESOURCE_ARN: 'arn:aws:rds:eu-west-1:123456789012:cluster:theirs',
      KCK_SOURCE_SHOP_SECRET_ARN: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:reads',
      KCK_SOURCE_SHOP_DATABASE: 'orders',
      KCK_AUTH_USER_POOL_ID: 'eu-west-1_Ab12Cd34e',
      KCK_AUTH_CLIENT_ID: 'one,two',
      KCK_DEADLINE: '5s',
    })
    expect(variables(onto, 'onto-update').KCK_SOURCE_SHOP_SECRET_ARN).toMatch(/:writes$/)
  })

  it('the deploy hook makes no users, and may not', () => {
    expect(ofType(onto, 'Custom::KckDeployment')[0]?.Properties.Databases).toEqual([])
    const policies = ofType(onto, 'AWS::IAM::Policy').filter(({ id }) => id.includes('deployrole'))
    const text = policies.map(({ Properties }) => JSON.stringify(Properties.PolicyDocument)).join()
    expect(text).toContain(':reads')
    expect(text).not.toContain(':writes')
  })

  it('the rights are to those and no others', () => {
    const policies = ofType(onto, 'AWS::IAM::Policy').map(({ Properties }) => Properties.PolicyDocument.Statement)
    const tables = policies
      .flat()
      .flatMap(({ Action, Resource }) => (String(Action).includes('cassandra') ? [Resource].flat() : []))
    for (const table of tables.map(flat)) expect(table).toMatch(/:\/keyspace\/(theirs\/table\/\w+|system\*)$/)
  })

  it('nothing has to do with replicas where no primer is replicated', () => {
    expect(variables(onto, 'onto-fetch')).not.toHaveProperty('KCK_REPLICA_PATH')
    const rights = ofType(onto, 'AWS::IAM::Policy').map(({ Properties }) => JSON.stringify(Properties.PolicyDocument))
    expect(rights.join()).not.toMatch(/replica/)
  })

  it('the API answers to its own name only', () => {
    const [api] = ofType(onto, 'AWS::ApiGatewayV2::Api')
    expect(api?.Properties.DisableExecuteApiEndpoint).toBe(true)
    expect(ofType(onto, 'AWS::ApiGatewayV2::DomainName')[0]?.Properties.DomainName).toBe('api.example.com')
    expect(onto.Outputs?.['Url']?.Value).toBe('https://api.example.com')
  })

  it('somebody hears of alarms by mail', () => {
    const [subscription] = ofType(onto, 'AWS::SNS::Subscription')
    expect(subscription?.Properties).toMatchObject({ Protocol: 'email', Endpoint: 'team@example.com' })
    expect(ofType(onto, 'AWS::CloudWatch::Alarm').map(({ Properties }) => Properties.AlarmName)).not.toContain(
      'onto-database-full',
    )
  })
})
