/** Prints the primers' revisions, of a project as it stands and of a bundle of it. `node revisions.ts <project> <bundle>` */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadProject } from '../../../infra/project.ts'

interface Named {
  readonly name: string
  readonly revision: string
}

const [folder = '', bundle = ''] = process.argv.slice(2)
const { definitions } = await loadProject(folder)
const { project } = await import(pathToFileURL(join(bundle, 'project.mjs')).href)
const revisions = (primers: readonly Named[]) =>
  Object.fromEntries(primers.map(({ name, revision }) => [name, revision]))
const primers = definitions.flatMap(({ kind, name, revision }) =>
  kind === 'primer' ? [{ name, revision: revision ?? '' }] : [],
)
process.stdout.write(JSON.stringify({ project: revisions(primers), bundled: revisions(project.definitions.primers) }))
