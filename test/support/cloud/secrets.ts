import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Secrets {
  readonly endpoint: string
  /** The database user of a secret. */
  userOf(secretArn: string): string
  stop(): Promise<void>
}

/** Secrets Manager with the logins of the databases: the secret of a reader, a writer, or the administrator. */
export async function startSecrets(): Promise<Secrets> {
  const userOf = (secretArn: string) =>
    /reader|writer/i.exec(secretArn)?.[0].toLowerCase().replace(/^/, 'kck_') ?? 'postgres'
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { SecretId } = JSON.parse(Buffer.concat(chunks).toString()) as { SecretId: string }
    const isSigned = /\/secretsmanager\/aws4_request, /.test(request.headers.authorization ?? '')
    const isKnown = isSigned && request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue'
    response.statusCode = isKnown ? 200 : 400
    const SecretString = JSON.stringify({ username: userOf(SecretId), password: "it's secret" })
    response.end(JSON.stringify(isKnown ? { ARN: SecretId, SecretString } : { __type: 'InvalidRequestException' }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    userOf,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
