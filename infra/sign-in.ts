import { Aws, aws_cognito as cognito, RemovalPolicy } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

/** A user pool for programs and people: two clients, of which one may also refresh, invalidate and purge. */
export class KckUserPool extends Construct {
  readonly userPoolId: string
  readonly clientIds: readonly string[]
  /** Where clients get tokens. */
  readonly tokenUrl: string

  constructor(scope: Construct, id: string, { name }: { readonly name: string }) {
    super(scope, id)
    const pool = new cognito.UserPool(this, 'Pool', {
      userPoolName: name,
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      mfa: cognito.Mfa.REQUIRED,
      mfaSecondFactor: { otp: true, sms: false },
      accountRecovery: cognito.AccountRecovery.EMAIL_ONLY,
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
      },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    acknowledge(
      pool,
      'AwsSolutions',
      'COG8',
      'Nobody signs in with a password unless the owner adds users, and may then choose a plan',
    )
    const read = new cognito.ResourceServerScope({ scopeName: 'read', scopeDescription: 'Read products, run updates' })
    const admin = new cognito.ResourceServerScope({
      scopeName: 'admin',
      scopeDescription: 'Refresh, invalidate, purge',
    })
    const server = pool.addResourceServer('Scopes', { identifier: 'kck', scopes: [read, admin] })
    const client = (role: string, scopes: readonly cognito.ResourceServerScope[]) =>
      pool.addClient(role, {
        userPoolClientName: `${name}-${role}`,
        generateSecret: true,
        authFlows: {},
        oAuth: {
          flows: { clientCredentials: true },
          scopes: scopes.map((scope) => cognito.OAuthScope.resourceServer(server, scope)),
        },
      })
    const clients = [client('reader', [read]), client('admin', [read, admin])]
    // Unique among all accounts of the region.
    const domain = pool.addDomain('Domain', { cognitoDomain: { domainPrefix: `${name}-${Aws.ACCOUNT_ID}` } })
    this.userPoolId = pool.userPoolId
    this.clientIds = clients.map(({ userPoolClientId }) => userPoolClientId)
    this.tokenUrl = `${domain.baseUrl()}/oauth2/token`
  }
}
