import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { loadDebian } from '../examples/debian/load.ts'

const ROWS = 337_355

/**
 * Fills the embedded Postgres of the example, once. The folder appears under its name when it is complete, so one that
 * exists is complete, whatever was killed when.
 */
export async function prepareExample(folder: string, print: (text: string) => void): Promise<void> {
  if (existsSync(folder)) return
  const began = performance.now()
  const unfinished = `${folder}.loading-${process.pid}`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(dirname(folder), { recursive: true })
  print('Making a Postgres and loading the Debian 12 package index (once) ... 0 %')
  try {
    const database = await PGlite.create(unfinished)
    try {
      await loadDebian(database, (rows) => print(` ${Math.floor((100 * rows) / ROWS)} %`))
    } finally {
      await database.close()
    }
    if (!existsSync(folder)) renameSync(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  print(`\n${ROWS.toLocaleString('en')} rows in ${((performance.now() - began) / 1000).toFixed(1)} s.\n`)
}
