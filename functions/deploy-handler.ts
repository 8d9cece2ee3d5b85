import middy from '@middy/core'
import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse, Context } from 'aws-lambda'
import { KckError } from '../src/errors.ts'
import { emit } from '../src/events.ts'
import type { Kck } from '../src/kck/kck.ts'
import type { Clock } from '../src/ports/clock.ts'
import type { ProcessWorker } from '../src/process/process-worker.ts'
import { beforeItEnds } from './before-it-ends.ts'

export interface Deployed {
  readonly worker: Pick<ProcessWorker, 'tick'>
  readonly kck: Pick<Kck, 'health'>
}

export interface DeployOptions {
  /** The system that was deployed; throws when it cannot start. */
  readonly system: () => Promise<Deployed>
  /** Makes what CloudFormation cannot, as the resource's properties say. May be done again. */
  readonly prepare: (properties: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  /** Hands CloudFormation its answer. */
  readonly respond: (url: string, response: CloudFormationCustomResourceResponse) => Promise<void>
}

/**
 * The function behind the custom resource that CloudFormation makes last: the deployment fails, and the one before comes
 * back, when the new one cannot start. What it begins with (`boot`) is asked for here and not waited for: the queues go
 * on with it, and a part that could not be asked for is asked for by the process worker.
 */
export function createDeployHandler({ system, prepare, respond, clock }: DeployOptions) {
  return middy<CloudFormationCustomResourceEvent, void>().handler(async (event, context) => {
    const answer = await answerTo(event, context, () =>
      beforeItEnds(context, clock, async (signal) => {
        await prepare(event.ResourceProperties, signal)
        const { worker, kck } = await system()
        const { store } = (await kck.health({ signal })).parts
        if (!store?.ok) throw new KckError('STORE_UNAVAILABLE', 'The store does not answer, or refuses')
        await worker.tick(signal, 'boot')
      }),
    )
    await respond(event.ResponseURL, answer)
  })
}

async function answerTo(
  event: CloudFormationCustomResourceEvent,
  context: Context,
  deploy: () => Promise<void>,
): Promise<CloudFormationCustomResourceResponse> {
  const { StackId, RequestId, LogicalResourceId } = event
  // The same for ever: another one would make CloudFormation delete the "old" resource.
  const common = { StackId, RequestId, LogicalResourceId, PhysicalResourceId: 'kck-deployment' }
  try {
    // What was deployed goes away by itself, and the data stays.
    if (event.RequestType !== 'Delete') await deploy()
    return { ...common, Status: 'SUCCESS' }
  } catch (error) {
    emit({ type: 'fault', where: 'deploying', error })
    const why = error instanceof KckError ? error.message : 'it threw something unexpected'
    return { ...common, Status: 'FAILED', Reason: `KCK cannot start: ${why} (log stream ${context.logStreamName})` }
  }
}
