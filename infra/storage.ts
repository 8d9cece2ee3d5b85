import { Duration, RemovalPolicy, aws_s3 as s3 } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** For bodies that are larger than an answer can be (a day), and for the snapshots of replicas. */
export function bucketIn(scope: Construct, id: string): s3.Bucket {
  return new s3.Bucket(scope, id, {
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
}
