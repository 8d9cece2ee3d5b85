import { App } from 'aws-cdk-lib'
import { kckStacks, readProject } from 'kck/cdk'

const app = new App()
kckStacks(app, { name: '__NAME__', project: await readProject('.') })
app.synth()
