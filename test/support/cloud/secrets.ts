import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Secrets {
  /** For `AWS_ENDPOINT_URL_SECRETS_MANAGER`. */
  readonly endpoint: string
  stop(): Promise<void>
}

/** `GetSecretValue` of Secrets Manager: for every secret a user of its name, whose password no two have in common. */
export async function startSecrets(): Promise<Secrets> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const isKnown = request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue'
    const isSigned = /\/secretsmanager\/aws4_request, /.test(request.headers.authorization ?? '')
    if (!isKnown || !isSigned) {
      response.writeHead(400).end()
      return
    }
    const { SecretId } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly SecretId: string }
    const role = /reader|writer/i.exec(SecretId)?.[0].toLowerCase() ?? 'admin'
    const login = { username: `kck_${role}`, password: `it's "${role}"` }
    response.end(JSON.stringify({ SecretString: JSON.stringify(login) }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
