import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const app = fileURLToPath(new URL('../../../infra/app.ts', import.meta.url))

export interface Assembly {
  /** What `cdk synth` writes: templates, and the bundled functions as assets. */
  readonly folder: string
  remove(): Promise<void>
}

/** Synthesizes a project's app, without credentials and without a network. */
export async function synthesize(project: string): Promise<Assembly> {
  const folder = await mkdtemp(join(tmpdir(), 'kck-cdk-'))
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], CDK_OUTDIR: folder }
  await promisify(execFile)(process.execPath, [app], { cwd: project, env, maxBuffer: 16 << 20 })
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
