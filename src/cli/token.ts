import type { Command } from 'commander'
import { systemClock } from '../adapters/system/clock.ts'
import { createLocalIssuer } from '../auth/local-issuer.ts'
import { KckError } from '../errors.ts'
import type { Io } from './io.ts'
import { type CommonOptions, durationArgument, repeated, settingsOf, subcommand } from './subcommand.ts'

interface TokenOptions extends CommonOptions {
  readonly sub: string
  readonly scope?: readonly string[]
  readonly group?: readonly string[]
  readonly claim?: readonly string[]
  readonly expires: number
}

export function addToken(program: Command, io: Io): void {
  subcommand(program, 'token', "print a token of this machine's own issuer, for development")
    .requiredOption('--sub <name>', 'whose token it is')
    .option('--scope <name>', 'a scope; can be repeated', repeated)
    .option('--group <name>', 'a group; can be repeated', repeated)
    .option('--claim <name=value>', 'another claim, its value JSON or text; can be repeated', repeated)
    .option('--expires <duration>', 'how long it is valid', durationArgument, 3_600_000)
    .addHelpText(
      'after',
      `
The settings must say auth: { issuer: 'local' }.

Examples:
  curl -H "Authorization: Bearer $(kck token --sub ada --scope kck/admin)" ...
  kck token --sub ada --claim customer_id=7 --claim tenant=north --expires 10m`,
    )
    .action(async (options: TokenOptions) => {
      const { auth } = await settingsOf(options, io)
      if (auth === null || !('localKey' in auth.jwks)) {
        throw new KckError(
          'INVALID_CONFIG',
          "Tokens are made for auth: { issuer: 'local' } only; set it in kck.config.ts",
        )
      }
      if (options.expires > auth.maxLifetimeMs) {
        throw new KckError('BAD_REQUEST', 'A token valid for so long would be refused; see auth.maxLifetime')
      }
      const token = await createLocalIssuer(auth.jwks.localKey).issue(
        {
          subject: options.sub,
          scopes: options.scope ?? [],
          claims: { ...claimsOf(options.claim ?? []), ...(options.group ? { groups: options.group } : {}) },
          expiresInMs: options.expires,
        },
        systemClock.now(),
      )
      io.out(options.json ? JSON.stringify({ token, expiresInMs: options.expires }) : token)
    })
}

function claimsOf(claims: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    claims.map((claim) => {
      const at = claim.indexOf('=')
      if (at < 1) throw new KckError('BAD_REQUEST', `--claim ${claim} has no value; write --claim name=value`)
      return [claim.slice(0, at), valueOfClaim(claim.slice(at + 1))]
    }),
  )
}

function valueOfClaim(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
