/** Bundles a project's functions into a folder and prints esbuild's metafile. `node bundle.ts <project> <folder>` */
import { bundleFunctions } from '../../../infra/bundle.ts'
import { loadProject } from '../../../infra/project.ts'

const [folder = '', into = ''] = process.argv.slice(2)
const { metafile } = await bundleFunctions(await loadProject(folder), into)
process.stdout.write(JSON.stringify(metafile))
