import { auth } from 'cassandra-driver'
import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CredentialSource } from './credentials.ts'
import { answerChallenge } from './sigv4.ts'

export interface SigV4Options {
  readonly region: string
  readonly credentials: CredentialSource
  readonly clock: Pick<Clock, 'now'>
}

type Reply = (error: Error | null, token?: Buffer) => void

/** The driver asks whether it has a subclass of its own; its types call it an interface. */
const { AuthProvider } = auth as unknown as { readonly AuthProvider: new () => object }

/** Signs in to Amazon Keyspaces with AWS credentials. What goes wrong fails the connection; nothing waits for ever. */
export class SigV4AuthProvider extends AuthProvider implements auth.AuthProvider {
  readonly #options: SigV4Options

  constructor(options: SigV4Options) {
    super()
    this.#options = options
  }

  newAuthenticator(): auth.Authenticator {
    const { region, credentials, clock } = this.#options
    const answer = async (challenge: Buffer): Promise<Buffer> => {
      const nonce = nonceOf(challenge)
      return Buffer.from(answerChallenge({ nonce, region, credentials: await credentials(), at: clock.now() }))
    }
    return {
      initialResponse: (reply: Reply) => reply(null, Buffer.from('SigV4\0\0')),
      evaluateChallenge(challenge, reply) {
        answer(challenge).then(
          (token) => reply(null, token),
          (error: Error) => reply(error),
        )
      },
      onAuthenticationSuccess() {},
    }
  }
}

/** The challenge is a list such as `nonce=91703f…`, other fields beside it. */
function nonceOf(challenge: Buffer): string {
  const nonce = /(?:^|,)nonce=([^,]+)/.exec(challenge.toString('utf8'))?.[1]
  if (nonce !== undefined) return nonce
  throw new KckError('STORE_UNAVAILABLE', 'The store asks for another way to sign in than Amazon Keyspaces does.')
}
