import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

export type CredentialSource = () => Promise<AwsCredentials>

/** The chain asks machines on the network where nothing else is known; a connection waits for it no longer. */
const FOUND_WITHIN_MS = 5_000

export interface CredentialOptions {
  readonly clock: Pick<Clock, 'sleep'>
  /** @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** @default the chain of the AWS SDK */
  readonly chain?: () => Promise<CredentialSource>
}

/**
 * Those of the environment, which is all that a Lambda function needs, else what the chain of the AWS SDK finds
 * (profiles, single sign-on, containers, instances), which is loaded only then. Asked for every new connection, so
 * credentials that were replaced are seen. Throws `STORE_UNAVAILABLE`, after five seconds at the latest.
 */
export function credentialSource(options: CredentialOptions): CredentialSource {
  const { clock, environment = process.env, chain = awsChain } = options
  let opened: Promise<CredentialSource> | undefined
  return async () => {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment
    if (accessKeyId && secretAccessKey) {
      return { accessKeyId, secretAccessKey, sessionToken: environment['AWS_SESSION_TOKEN'] || undefined }
    }
    opened ??= chain()
    return await inTime(
      opened.then((find) => find()),
      clock,
    )
  }
}

async function awsChain(): Promise<CredentialSource> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  return defaultProvider()
}

async function inTime(finding: Promise<AwsCredentials>, clock: Pick<Clock, 'sleep'>): Promise<AwsCredentials> {
  const timer = new AbortController()
  const late = clock.sleep(FOUND_WITHIN_MS, timer.signal).then(() => {
    throw new Error(`Nothing found within ${FOUND_WITHIN_MS} ms`)
  })
  try {
    return await Promise.race([finding, late])
  } catch (error) {
    throw noneFound(error)
  } finally {
    timer.abort()
    late.catch(() => {})
  }
}

function noneFound(cause: unknown): KckError {
  const message =
    'No AWS credentials were found to sign in to Amazon Keyspaces with. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role.'
  return new KckError('STORE_UNAVAILABLE', message, { cause })
}
