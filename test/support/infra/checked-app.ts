/**
 * Synthesizes the stacks of a project into a folder, with the rules of cdk-nag: what they find, and what is wrong with
 * the schemas of CloudFormation, ends it with an error. `node checked-app.ts <project> <folder>`
 */
import { readFileSync } from 'node:fs'
import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag'
import { kckStacks, readProject } from '../../../infra/kck.ts'

const [folder = '', outdir = '', options = '{}'] = process.argv.slice(2)
const { context } = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'))
const app = new App({ context, outdir, analyticsReporting: false })
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app))
kckStacks(app, { ...JSON.parse(options), project: await readProject(folder) })
app.synth()
