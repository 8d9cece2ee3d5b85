import { CustomResource, Duration, type aws_lambda as lambda } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { SourceAccess } from './access.ts'

export interface DeploymentProps {
  readonly hook: lambda.Function
  /** Of the primers. */
  readonly deployment: string
  readonly sources: Readonly<Record<string, SourceAccess>>
}

/**
 * Calls the deploy hook, last of all, whenever anything has changed that it looks at: the code, the primers, the
 * databases. It fails the deployment where the new functions cannot start.
 */
export function deploymentIn(
  scope: Construct,
  id: string,
  { hook, deployment, sources }: DeploymentProps,
): CustomResource {
  const databases = Object.entries(sources).flatMap(([name, source]) => {
    const { clusterArn, database, readerSecretArn, writerSecretArn, adminSecretArn } = source
    return adminSecretArn === null
      ? []
      : [{ name, clusterArn, database, readerSecretArn, writerSecretArn, adminSecretArn }]
  })
  return new CustomResource(scope, id, {
    serviceToken: hook.functionArn,
    resourceType: 'Custom::KckDeployment',
    serviceTimeout: Duration.minutes(16),
    properties: { Deployment: deployment, Version: hook.currentVersion.version, Databases: databases },
  })
}
