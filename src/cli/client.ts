import { writeFile } from 'node:fs/promises'
import { dirname, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { openSources } from '../local/open-sources.ts'
import { clientText, type ProductType } from '../primer/client-text.ts'
import { valueType } from '../primer/declaration.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { Io } from './io.ts'
import { type CommonOptions, registryOf, settingsOf, subcommand } from './subcommand.ts'
import { nullabilityIn, sourceOf } from './types.ts'

interface ClientOptions extends CommonOptions {
  readonly out: string
}

export function addClient(program: Command, io: Io): void {
  subcommand(program, 'client', 'write a typed TypeScript client of the products and updaters')
    .option('--out <file>', 'write it there', 'kck-client.ts')
    .addHelpText(
      'after',
      '\nThe types of TypeScript primers are imported from their files; nothing of theirs runs in the client.',
    )
    .action(async (options: ClientOptions) => {
      const config = await settingsOf(options, io)
      const { primers, updaters } = await registryOf(config)
      const out = resolve(io.folder, options.out)
      const sources = await openSources(config.sources)
      try {
        const products = await Promise.all([...primers.values()].map((primer) => productType(primer, sources, out)))
        await writeFile(out, clientText(products, [...updaters.values()]))
      } finally {
        await Promise.all([...sources.values()].map((source) => source.close()))
      }
      const written = { file: options.out, products: primers.size, updaters: updaters.size }
      io.out(
        options.json
          ? JSON.stringify(written)
          : `Wrote ${options.out}: ${primers.size} products, ${updaters.size} updaters`,
      )
    })
}

async function productType(
  primer: AnyPrimer,
  sources: Awaited<ReturnType<typeof openSources>>,
  out: string,
): Promise<ProductType> {
  if (primer.compute === null && primer.statement !== null) {
    const source = sourceOf(primer, sources)
    const columns = await source.describe(primer.statement)
    return { primer, value: valueType(primer, columns, await nullabilityIn(source)) }
  }
  const name = primer.file === null ? null : await exportedAs(primer, resolve(primer.file))
  if (primer.file === null || name === null) return { primer, value: 'JsonValue' }
  const path = relative(dirname(out), resolve(primer.file))
  const from = path.startsWith('.') ? path : `./${path}`
  return { primer, value: `ValueOf<typeof import('${from}')['${name}']>` }
}

/** The name under which a TypeScript file exports the primer; null: it is no such file. */
async function exportedAs(primer: AnyPrimer, file: string): Promise<string | null> {
  if (!/\.[cm]?ts$/.test(file)) return null
  const exports: Readonly<Record<string, unknown>> = await import(pathToFileURL(file).href)
  const found = Object.entries(exports).find(
    ([, value]) => typeof value === 'object' && value !== null && 'name' in value && value.name === primer.name,
  )
  return found?.[0] ?? null
}
