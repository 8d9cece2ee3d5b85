import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { METRICS, NAMESPACE } from '../../src/metrics/names.ts'
import { cfnLint } from '../support/infra/cfn-lint.ts'
import { bareEnvironment, ofType, type Template, templateOf } from '../support/infra/synth.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

let folder: string
let data: Template
let service: Template

// What stands in docs/deploy.md, on a machine without an account, a region, credentials or Docker.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kck-clone-'))
  const cdk = join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk')
  await run(process.execPath, [cdk, 'synth', '--quiet', '--no-notices', '--output', folder], {
    cwd: root,
    env: bareEnvironment,
  })
  ;[data, service] = await Promise.all([templateOf(folder, 'kck-data'), templateOf(folder, 'kck')])
}, 180_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a clone', () => {
  it('synthesizes into two stacks, one to keep', () => {
    expect(Object.keys(data.Resources).length).toBeGreaterThan(15)
    expect(Object.keys(service.Resources).length).toBeGreaterThan(50)
  })

  it('gives templates in which cfn-lint finds nothing', async () => {
    const found = await cfnLint(['kck-data', 'kck'].map((stack) => join(folder, `${stack}.template.json`)))
    expect(found ?? '').toBe('')
  })
})

interface Metric {
  readonly Namespace?: string
  readonly MetricName?: string
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[]
}

/** Every metric that an alarm looks at, those in expressions too. */
function metricsOf(
  properties: Metric & { readonly Metrics?: readonly { readonly MetricStat?: { Metric: Metric } }[] },
) {
  const inside = (properties.Metrics ?? []).flatMap(({ MetricStat }) => (MetricStat ? [MetricStat.Metric] : []))
  return properties.MetricName === undefined ? inside : [properties]
}

describe('the alarms', () => {
  const alarms = () => ofType(service, 'AWS::CloudWatch::Alarm').map(({ Properties }) => Properties)
  const nameOf = ({ AlarmName }: { readonly AlarmName: string }) => AlarmName.replace(/^kck-/, '')

  it('each have a section in the runbook that says what it means, what to look at and what to do', async () => {
    const runbook = await readFile(join(root, 'docs', 'runbook.md'), 'utf8')
    const sections = new Map(
      runbook
        .split(/^## /m)
        .slice(1)
        .map((section) => [section.split('\n', 1)[0] ?? '', section]),
    )
    expect(alarms().length).toBeGreaterThan(8)
    for (const alarm of alarms()) {
      const section = sections.get(nameOf(alarm)) ?? ''
      for (const part of ['Means', 'Look at', 'Do']) expect(section, nameOf(alarm)).toContain(`**${part}.**`)
      expect(alarm.AlarmDescription).toContain(`"${nameOf(alarm)}"`)
    }
  })

  it('watch metrics that somebody writes, under the name of the deployment', () => {
    const own = alarms()
      .flatMap(metricsOf)
      .filter(({ Namespace }) => Namespace === NAMESPACE)
    expect(own.length).toBeGreaterThan(3)
    for (const { MetricName, Dimensions } of own) {
      expect(Object.keys(METRICS)).toContain(MetricName)
      expect(Dimensions).toEqual([{ Name: 'service', Value: 'kck' }])
    }
  })

  it('may be published: the topic has a policy, which would else let nobody in', () => {
    const [policy] = ofType(service, 'AWS::SNS::TopicPolicy')
    expect(policy?.Properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({
        Effect: 'Allow',
        Action: 'sns:Publish',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      }),
    )
  })

  it('tell somebody, also when it is over, and stay quiet while nothing happens, but for a worker that must run', () => {
    const [topic] = ofType(service, 'AWS::SNS::Topic')
    for (const alarm of alarms()) {
      expect([alarm.AlarmActions, alarm.OKActions]).toEqual([[{ Ref: topic?.id }], [{ Ref: topic?.id }]])
      const missing = nameOf(alarm) === 'process-worker-silent' ? 'breaching' : 'notBreaching'
      expect(alarm.TreatMissingData).toBe(missing)
    }
  })
})

describe('the dashboard', () => {
  it('shows what readers get, what is computed and what it runs on', () => {
    const [dashboard] = ofType(service, 'AWS::CloudWatch::Dashboard')
    const body = JSON.stringify(dashboard?.Properties.DashboardBody)
    const shown = ['Hits', 'StaleHits', 'Misses', 'AgeServed', 'RefreshLag', 'QueueDepth', 'Computes']
    for (const name of [...shown, 'ComputeFailures', 'BudgetWait', 'Faults', 'Throttles']) {
      expect(body.includes(name), name).toBe(true)
    }
  })
})
