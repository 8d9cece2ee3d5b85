import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPgliteClientSource, createPgliteSource, servePglite } from '../../src/adapters/pglite/source.ts'
import type { Source } from '../../src/ports/source.ts'
import { statementOf } from '../../src/sql/parse.ts'

describe('the embedded PostgreSQL', () => {
  let folder: string
  let dump: string
  const children: ChildProcess[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kck-pglite-'))
    dump = join(folder, 'seed.tar.zst')
    const seed = createPgliteSource({
      name: 'seed',
      dataDir: 'memory',
      initSql: 'create table t (id int primary key); insert into t select generate_series(1, 100)',
    })
    await seed.dump(dump)
    await seed.close()
  })
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })

  const startHolder = async (dataDir: string, socketPath: string) => {
    const script = fileURLToPath(new URL('../support/pglite-holder.ts', import.meta.url))
    const child = spawn(process.execPath, [script, dataDir, socketPath], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout, 'data')
    return child
  }

  test('starts from a dump, keeps its data, and is refused to a second opener', async () => {
    const dataDir = join(folder, 'kept')
    const started = performance.now()
    const source = createPgliteSource({ name: 'main', dataDir, loadDump: dump })
    expect(await count(source)).toBe(100)
    process.stdout.write(`PGlite from a dump: first answer after ${Math.round(performance.now() - started)} ms\n`)
    expect(() => createPgliteSource({ name: 'main', dataDir })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', details: { pid: process.pid } }),
    )
    await source.query(statementOf('delete from t where id > 60'), {})
    await source.close()

    const again = createPgliteSource({ name: 'main', dataDir, loadDump: dump })
    expect(await count(again)).toBe(60)
    await again.close()
    expect(existsSync(`${dataDir}.lock`)).toBe(false)
  })

  test('a half-made folder of a process that died is made anew', async () => {
    const dataDir = join(folder, 'half')
    mkdirSync(`${dataDir}.new`)
    writeFileSync(join(`${dataDir}.new`, 'PG_VERSION'), 'half')
    const source = createPgliteSource({ name: 'main', dataDir, loadDump: dump })
    expect(await count(source)).toBe(100)
    await source.close()
  })

  test('SQL that cannot fill a new database is a clear error, and leaves no folder', async () => {
    const dataDir = join(folder, 'refused')
    const source = createPgliteSource({ name: 'main', dataDir, loadDump: dump, initSql: 'insert into t values (1)' })
    await expect(source.ping()).rejects.toMatchObject({ code: 'INVALID_CONFIG', details: { sqlState: '23505' } })
    await source.close()
    expect(existsSync(dataDir)).toBe(false)
  })

  test('the lock of a killed process is taken over; a client of its socket finds the next one', async () => {
    const dataDir = join(folder, 'shared')
    const socketPath = join(folder, 'socket')
    const creator = createPgliteSource({ name: 'main', dataDir, loadDump: dump })
    await creator.ping()
    await creator.close()

    const first = await startHolder(dataDir, socketPath)
    expect(() => createPgliteSource({ name: 'main', dataDir })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', details: { pid: first.pid } }),
    )
    expect(statSync(socketPath).mode & 0o077).toBe(0)
    const client = createPgliteClientSource({ name: 'main', socketPath })
    await client.query(statementOf('delete from t where id > 50'), {})
    first.kill('SIGKILL')
    await once(first, 'exit')
    await expect(client.ping()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })

    const second = await startHolder(dataDir, socketPath)
    expect(await count(client)).toBe(50)
    await client.close()
    second.kill('SIGKILL')
    await once(second, 'exit')
  })

  test('a client that goes away in a transaction leaves nothing and blocks nobody', async () => {
    const socketPath = join(folder, 'leaving')
    const source = createPgliteSource({ name: 'main', dataDir: 'memory', loadDump: dump })
    const server = await servePglite(source, { socketPath })
    const leaving = createPgliteClientSource({ name: 'leaving', socketPath })
    const staying = createPgliteClientSource({ name: 'staying', socketPath })
    const transaction = leaving.transaction(async ({ query }) => {
      await query(statementOf('delete from t'), {})
      await leaving.close()
      await query(statementOf('select 1'), {})
    })
    await expect(transaction).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
    expect(await count(staying)).toBe(100)
    await staying.close()
    await server.close()
    await source.close()
  })
})

async function count(source: Source): Promise<unknown> {
  return (await source.query(statementOf('select count(*) from t'), {})).rows[0]?.[0]
}
