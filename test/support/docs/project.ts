import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { root } from './pages.ts'

const exec = promisify(execFile)

/** The address in the pages; what a server says that it has takes its place. */
const shownUrl = /http:\/\/127\.0\.0\.1:8001/g

/** A command that serves until it is stopped. */
const serves = /^(npm (start|run dev)|(npx )?kck (serve|dev))\b/

/** `npm install` gives what is here; the real one is what `package.test.ts` does. `npx` would look at the network. */
const prelude = `
npx() { "$@"; }
npm() { case "$1" in install|ci) link-kck ;; *) command npm "$@" ;; esac; }
`

const linked = ['@types', 'aws-cdk-lib', 'constructs', 'vitest', 'zod']

/** Gives a folder the packages of a project, as links. */
export function linkPackages(folder: string): void {
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  for (const name of linked) symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  symlinkSync(root, join(folder, 'node_modules/kck'))
}

/** Programs that a shell of the pages finds before all others. */
export function makePrograms(folder: string): void {
  mkdirSync(folder, { recursive: true })
  symlinkSync(join(root, 'bin/kck.js'), join(folder, 'kck'))
  symlinkSync(join(root, 'node_modules/.bin/tsc'), join(folder, 'tsc'))
  const links = linked.map((name) => `ln -sfn '${join(root, 'node_modules', name)}' node_modules/${name}`)
  const script = ['#!/bin/sh', 'mkdir -p node_modules', ...links, `ln -sfn '${root}' node_modules/kck`, '']
  writeFileSync(join(folder, 'link-kck'), script.join('\n'), { mode: 0o755 })
}

/** Where the blocks of one page run. */
export class PageShell {
  #folder: string
  readonly #programs: string
  /** Where a block leaves its folder, and what it exports. */
  readonly #state: string
  #url: string | null = null
  readonly #servers: ChildProcessWithoutNullStreams[] = []

  constructor({ folder, programs, copyOf }: { folder: string; programs: string; copyOf: string | null }) {
    this.#folder = folder
    this.#programs = programs
    this.#state = `${folder}.state`
    if (copyOf === null) mkdirSync(folder, { recursive: true })
    else cpSync(copyOf, folder, { recursive: true, verbatimSymlinks: true })
  }

  /** Where the last block ended. */
  get folder(): string {
    return this.#folder
  }

  /** Resolves when the page's server, if it has one, serves what was written. */
  async write(file: string, text: string): Promise<void> {
    mkdirSync(dirname(join(this.#folder, file)), { recursive: true })
    const said = this.#servers.map(reloads)
    writeFileSync(join(this.#folder, file), text)
    await Promise.all(said)
  }

  /** What the block printed. Throws what it said when a command of it fails. */
  async run(text: string): Promise<string> {
    const here = this.#url === null ? text : text.replaceAll(shownUrl, this.#url)
    const lines = here.trimEnd().split('\n')
    if (serves.test(lines.at(-1) ?? '')) {
      this.#url = await this.#serve(lines.join('\n'))
      return ''
    }
    const state = this.#state
    // What a block exports is there for the next ones, as in a terminal.
    const keep = `trap 'pwd > "${state}"; export -p > "${state}.env"' EXIT\n[ ! -e "${state}.env" ] || . "${state}.env"`
    const script = `set -euo pipefail\n${prelude}${keep}\n${here}`
    const { stdout } = await exec('bash', ['-c', script], { ...this.#options(), timeout: 120_000 }).catch((error) => {
      throw new Error(`${here}\n${error.stderr}\n${error.stdout}`)
    })
    this.#folder = (await readFile(state, 'utf8')).trim()
    return this.#url === null ? stdout : stdout.replaceAll(this.#url, 'http://127.0.0.1:8001')
  }

  async stop(): Promise<void> {
    for (const server of this.#servers)
      if (server.pid !== undefined && server.exitCode === null) process.kill(-server.pid)
    await Promise.all(
      this.#servers.map((server) => server.exitCode ?? new Promise((resolve) => server.once('exit', resolve))),
    )
  }

  #options() {
    const environment = {
      ...process.env,
      PATH: `${this.#programs}:${process.env['PATH']}`,
      KCK_PORT: '0',
      NO_COLOR: '1',
    }
    return { cwd: this.#folder, env: environment, maxBuffer: 16 * 1024 ** 2 }
  }

  /** Its own process group, since `npm run` starts another process. */
  async #serve(command: string): Promise<string> {
    const server = spawn('bash', ['-c', `${prelude}${command}`], { ...this.#options(), detached: true })
    this.#servers.push(server)
    const seen: string[] = []
    for await (const line of createInterface({ input: server.stdout })) {
      seen.push(line)
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
      if (url === undefined) continue
      server.stdout.resume()
      server.stderr.resume()
      return url
    }
    throw new Error(`${command} ended without serving:\n${seen.join('\n')}`)
  }
}

function reloads({ stderr }: ChildProcessWithoutNullStreams): Promise<void> {
  return new Promise((resolve) => {
    const look = (text: Buffer) => {
      if (!text.toString().includes('Reloaded.')) return
      stderr.off('data', look)
      resolve()
    }
    stderr.on('data', look)
  })
}

/** The `.sql` files that a block can import: those of the example, and of the project that `kck init` makes. */
export function folderWith(imports: readonly string[], folders: readonly string[]): string {
  const found = folders.find((folder) => imports.every((name) => readdirSync(folder).includes(name)))
  if (found === undefined) throw new Error(`No project has ${imports.join(', ')}`)
  return found
}
