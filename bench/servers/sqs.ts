import { startSqs } from '../../test/support/sqs/server.ts'
import { announce } from './child.ts'

/** The SQS server of the tests, in a process of its own: its time is not the refresh worker's. */
const server = await startSqs()
announce(server.port, () => server.close())
