import type { Command } from 'commander'
import type { ListedKey } from '../operate/contract.ts'
import { ago } from '../operate/words.ts'
import type { Io } from './io.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'
import type { System } from './system/system.ts'

interface KeysOptions extends SystemOptions {
  readonly stale?: boolean
}

const pageSize = 500

export function addKeys(program: Command, io: Io): void {
  systemCommand(program, 'keys [products...]', 'list the stored keys of products (default: of all)')
    .option('--stale', 'only those that are not fresh')
    .addHelpText('after', '\nWith --json: one JSON object per line, as they come.')
    .action((names: string[], options: KeysOptions) =>
      withSystem(options, io, async (system) => {
        for (const primer of names.length > 0 ? names : await system.products()) {
          for await (const keys of pagesOf(system, primer)) print(keys, options, io)
        }
      }),
    )
}

function print(keys: readonly ListedKey[], { stale, json }: KeysOptions, io: Io): void {
  for (const key of keys) {
    if (stale && key.state === 'fresh') continue
    io.out(json ? JSON.stringify(key) : lineOf(key))
  }
}

async function* pagesOf({ operate }: System, primer: string): AsyncGenerator<readonly ListedKey[]> {
  for (let after: string | undefined; ; ) {
    const page = await operate.keys({ primer, limit: pageSize, ...(after === undefined ? {} : { after }) })
    yield page.keys
    if (page.next === undefined) return
    after = page.next
  }
}

function lineOf({ key, state, ageMs, bytes, error }: ListedKey): string {
  return `${key}  ${state}, ${ago(ageMs)} old, ${bytes} bytes${error === null ? '' : `, ${error}`}`
}
