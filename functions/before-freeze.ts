import type { MiddlewareObj } from '@middy/core'
import { emit } from '../src/events.ts'
import type { Runtime } from '../src/local/runtime.ts'

/**
 * Between two invocations Lambda stops the process without a word: what others may be waiting for, such as permits of a
 * source's budget, goes back before each answer.
 */
export function beforeFreeze(runtime: () => Promise<Pick<Runtime, 'beforeFreeze'>>): MiddlewareObj {
  const giveBack = async () => {
    try {
      await (await runtime()).beforeFreeze()
    } catch (error) {
      // What was not given back comes free when its lease ends.
      emit({ type: 'fault', where: 'before the freeze', error })
    }
  }
  return { after: giveBack, onError: giveBack }
}
