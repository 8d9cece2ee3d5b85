import { Stack, Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/** Says why a finding of cdk-nag about a construct, or what is in it, is meant to be so. */
export function acknowledge(
  construct: IConstruct,
  pack: 'AwsSolutions' | 'Serverless',
  rule: string,
  reason: string,
): void {
  Validations.of(construct).acknowledge({ id: `${pack}::${pack}-${rule}`, reason })
}

/** The same for a policy's resource with a `*` in it, of which each has to be named. */
export function acknowledgeWildcard(construct: IConstruct, arn: string, reason: string): void {
  acknowledge(construct, 'AwsSolutions', `IAM5[Resource::${flat(Stack.of(construct).resolve(arn))}]`, reason)
}

/** An ARN as cdk-nag writes it. */
function flat(arn: unknown): string {
  if (typeof arn === 'string') return arn
  const { 'Fn::Join': join, Ref: ref } = arn as { 'Fn::Join'?: readonly [string, readonly unknown[]]; Ref?: string }
  if (join) return join[1].map(flat).join(join[0])
  return ref === undefined ? JSON.stringify(arn) : `<${ref}>`
}
