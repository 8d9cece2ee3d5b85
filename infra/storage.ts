import { Aws, Duration, RemovalPolicy, aws_s3 as s3 } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

/** For bodies that are larger than an answer can be (a day), and for the snapshots of replicas. */
export function bucketIn(scope: Construct, id: string, bucketName: string): s3.Bucket {
  const bucket = new s3.Bucket(scope, id, {
    bucketName,
    encryption: s3.BucketEncryption.S3_MANAGED,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.RETAIN,
    lifecycleRules: [
      { id: 'bodies', prefix: 'bodies/', expiration: Duration.days(1) },
      { id: 'unfinished', abortIncompleteMultipartUploadAfter: Duration.days(1) },
    ],
  })
  acknowledge(
    bucket,
    'AwsSolutions',
    'S1',
    'What it holds is a copy of what the API serves, whose own log says who asked',
  )
  return bucket
}

/** Unique among all accounts, and known without asking. */
export function bucketNameOf(name: string): string {
  return `${name}-${Aws.ACCOUNT_ID}-${Aws.REGION}`
}
