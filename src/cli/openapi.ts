import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { systemClock } from '../adapters/system/clock.ts'
import { openApiOf } from '../http/openapi.ts'
import { openAuth } from '../local/open-auth.ts'
import type { Io } from './io.ts'
import { type CommonOptions, registryOf, settingsOf, subcommand } from './subcommand.ts'

export function addOpenApi(program: Command, io: Io): void {
  subcommand(program, 'openapi', 'print the API of the primers and updaters as OpenAPI 3.1')
    .option('--out <file>', 'write it there instead')
    .action(async (options: CommonOptions & { readonly out?: string }) => {
      const config = await settingsOf(options, io)
      const document = openApiOf(await registryOf(config), await openAuth(config, systemClock))
      const text = JSON.stringify(document, null, options.json ? undefined : 2)
      if (options.out === undefined) return io.out(text)
      await writeFile(resolve(io.folder, options.out), `${text}\n`)
      io.err(`Wrote ${options.out}`)
    })
}
