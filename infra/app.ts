import { App } from 'aws-cdk-lib'
import { kckStacks, readProject } from './kck.ts'

/** `cdk deploy --all`. The project is the folder it is run in; what else can be chosen is in `ServiceOptions` and `KckDataProps`. */
const app = new App()
kckStacks(app, { project: await readProject(process.cwd()) })
app.synth()
