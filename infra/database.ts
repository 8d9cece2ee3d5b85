import {
  ArnFormat,
  type CfnResource,
  Duration,
  aws_ec2 as ec2,
  RemovalPolicy,
  aws_rds as rds,
  Stack,
  type aws_secretsmanager as secrets,
} from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

export interface KckDatabaseProps {
  /** The deployment's. */
  readonly name: string
  /** The databases in it, one for each source. */
  readonly databases: readonly string[]
  /** @default one of its own, without a way out */
  readonly vpc?: ec2.IVpc | undefined
  /** Of Aurora, 0 to 256 in halves; 0: it may pause. @default 0 */
  readonly minCapacity?: number | undefined
  /** @default 4 */
  readonly maxCapacity?: number | undefined
}

/** Minutes without a statement after which the database pauses. */
const PAUSE_AFTER = 5
const BACKUP_DAYS = 14

/**
 * Aurora PostgreSQL Serverless v2, reached through the Data API only: nothing else can come near it. There are three
 * users: the deploy hook makes the others with the first one's password.
 */
export class KckDatabase extends Construct {
  readonly clusterArn: string
  readonly admin: secrets.ISecret
  /** May read everything. */
  readonly reader: secrets.ISecret
  /** May read and write everything, but not change tables. */
  readonly writer: secrets.ISecret

  constructor(scope: Construct, id: string, props: KckDatabaseProps) {
    super(scope, id)
    const { name, databases, minCapacity = 0, maxCapacity = 4 } = props
    const vpc = props.vpc ?? isolatedVpc(this, name)
    const cluster = new rds.DatabaseCluster(this, 'Cluster', {
      clusterIdentifier: name,
      engine: rds.DatabaseClusterEngine.auroraPostgres({ version: rds.AuroraPostgresEngineVersion.VER_17_9 }),
      writer: rds.ClusterInstance.serverlessV2('writer', { publiclyAccessible: false }),
      serverlessV2MinCapacity: minCapacity,
      serverlessV2MaxCapacity: maxCapacity,
      ...(minCapacity === 0 ? { serverlessV2AutoPauseDuration: Duration.minutes(PAUSE_AFTER) } : {}),
      vpc,
      vpcSubnets: vpc.selectSubnets(props.vpc ? {} : { subnetType: ec2.SubnetType.PRIVATE_ISOLATED }),
      credentials: rds.Credentials.fromGeneratedSecret('kck_admin', { secretName: `${name}/database/admin` }),
      ...(databases[0] === undefined ? {} : { defaultDatabaseName: databases[0] }),
      enableDataApi: true,
      iamAuthentication: true,
      storageEncrypted: true,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      copyTagsToSnapshot: true,
      backup: { retention: Duration.days(BACKUP_DAYS) },
      cloudwatchLogsExports: ['postgresql'],
    })
    // By name and not by reference: another stack needs it, and it never changes.
    this.clusterArn = Stack.of(this).formatArn({
      service: 'rds',
      resource: 'cluster',
      resourceName: name,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
    const own = cluster.node.findChild('Secret').node.defaultChild as CfnResource
    own.applyRemovalPolicy(RemovalPolicy.RETAIN)
    this.admin = cluster.secret as secrets.ISecret
    this.reader = userOf(cluster, 'reader', name)
    this.writer = userOf(cluster, 'writer', name)
    acknowledge(
      this,
      'AwsSolutions',
      'SMG4',
      'Rotating needs a function inside the VPC; docs/deploy.md says how to rotate',
    )
  }
}

function isolatedVpc(scope: Construct, name: string): ec2.IVpc {
  const vpc = new ec2.Vpc(scope, 'Vpc', {
    vpcName: name,
    maxAzs: 2,
    natGateways: 0,
    // Nothing is in the default group, and restricting it would take a function with rights of its own.
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [{ name: 'database', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
  })
  acknowledge(vpc, 'AwsSolutions', 'VPC7', 'Nothing flows: it has no way in or out, and the Data API does not use it')
  // The class and its interface do not agree on what may be undefined.
  return vpc as ec2.IVpc
}

function userOf(cluster: rds.DatabaseCluster, role: 'reader' | 'writer', name: string): secrets.ISecret {
  const secret = new rds.DatabaseSecret(cluster, `${role}Secret`, {
    username: `kck_${role}`,
    secretName: `${name}/database/${role}`,
  })
  secret.applyRemovalPolicy(RemovalPolicy.RETAIN)
  return secret.attach(cluster)
}
