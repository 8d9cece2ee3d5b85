/**
 * The system as a part of somebody's own CDK app, twice: in a network that is there, and on things that are all there.
 * `node existing-app.ts <project> <folder>`
 */
import { readFileSync } from 'node:fs'
import { App, aws_ec2 as ec2, Stack, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag'
import { Kck, readProject } from '../../../infra/kck.ts'

const [folder = '', outdir = ''] = process.argv.slice(2)
const { context } = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'))
const app = new App({ context, outdir, analyticsReporting: false })
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app))
const project = await readProject(folder)

const network = new Stack(app, 'network')
const vpc = ec2.Vpc.fromVpcAttributes(network, 'Vpc', {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['eu-west-1a', 'eu-west-1b'],
  privateSubnetIds: ['subnet-0123456789abcdef1', 'subnet-0123456789abcdef2'],
  privateSubnetRouteTableIds: ['rtb-0123456789abcdef1', 'rtb-0123456789abcdef2'],
})
new Kck(network, 'Kck', { project, name: 'inside', database: { vpc, minCapacity: 0.5, maxCapacity: 16 } })

const secret = (name: string) => `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}`
new Kck(new Stack(app, 'existing'), 'Kck', {
  project: { ...project, project: { ...project.project, replicates: false } },
  name: 'onto',
  keyspace: { name: 'theirs', hasTables: true },
  sources: {
    shop: {
      clusterArn: 'arn:aws:rds:eu-west-1:123456789012:cluster:theirs',
      database: 'orders',
      readerSecretArn: secret('reads'),
      writerSecretArn: secret('writes'),
    },
  },
  signIn: { userPoolId: 'eu-west-1_Ab12Cd34e', clientIds: ['one', 'two'] },
  domain: { name: 'api.example.com', certificateArn: 'arn:aws:acm:eu-west-1:123456789012:certificate/1' },
  accessLogs: true,
  alarmEmail: 'team@example.com',
  concurrency: { hot: 100 },
  environment: { KCK_DEADLINE: '5s' },
})
app.synth()
