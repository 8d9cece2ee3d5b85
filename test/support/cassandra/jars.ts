import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const CASSANDRA_VERSION = '5.0.6'

const POM = `<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kck</groupId>
  <artifactId>cassandra-for-tests</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.cassandra</groupId>
      <artifactId>cassandra-all</artifactId>
      <version>${CASSANDRA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`

/**
 * The folder with Cassandra's jars, resolved with Maven on the first call (66 MB) and kept in the user's cache folder.
 * A folder under its final name is complete: it is filled under another name and renamed, so an aborted run or a second
 * one at the same time does no harm.
 */
export async function cassandraJars(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kck')
  const folder = join(cache, `cassandra-${CASSANDRA_VERSION}`)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  const building = await mkdtemp(join(cache, `.cassandra-${CASSANDRA_VERSION}-`))
  try {
    await writeFile(join(building, 'pom.xml'), POM)
    const lib = join(building, 'lib')
    await maven(building, lib)
    const jars = await readdir(lib)
    if (!jars.some((name) => name.startsWith('cassandra-all'))) throw new Error('Maven resolved no Cassandra jar')
    await rename(lib, folder).catch((error: NodeJS.ErrnoException) => {
      // Another run was faster; its folder is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(building, { recursive: true, force: true })
  }
  return folder
}

async function maven(folder: string, lib: string): Promise<void> {
  const goal = ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${lib}`]
  try {
    await run('mvn', goal, { cwd: folder, timeout: 600_000, maxBuffer: 32 << 20 })
  } catch (error) {
    const { code, stdout } = error as { code?: unknown; stdout?: string }
    if (code === 'ENOENT') throw new Error('Maven (mvn) is not on the PATH', { cause: error })
    throw new Error(`Maven could not resolve Cassandra: ${(stdout ?? '').trim().slice(-300)}`, { cause: error })
  }
}

/** The `java` command of a JDK 17, which is what Cassandra 5.0 runs on. */
export async function java17(): Promise<string> {
  const home = process.env['JAVA_HOME']
  const command = home === undefined ? 'java' : join(home, 'bin', 'java')
  const { stderr } = await run(command, ['-version']).catch((error: unknown) => {
    throw new Error(`no Java runtime (${command} does not start)`, { cause: error })
  })
  if (!/version "17\./.test(stderr)) {
    throw new Error(`Java 17 is needed, found ${/version "([^"]*)"/.exec(stderr)?.[1] ?? 'another'}; set JAVA_HOME`)
  }
  return command
}
