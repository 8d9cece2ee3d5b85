import { KckError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'

/** Made once: an abort without a reason makes an error with a stack, which costs more than a read of the store. */
export const ENDED = new Error('Ended')

/** A signal that aborts when the deadline passes or the caller is gone. `end` must be called, or its timer lingers. */
export interface Scope {
  readonly signal: AbortSignal
  readonly deadline: number
  end(): void
}

export function openScope(clock: Clock, deadline: number, caller?: AbortSignal): Scope {
  const controller = new AbortController()
  const timer = new AbortController()
  const onCaller = () => controller.abort(caller?.reason)
  if (caller?.aborted) onCaller()
  else caller?.addEventListener('abort', onCaller, { once: true })
  if (deadline !== Number.POSITIVE_INFINITY) {
    clock.sleep(Math.max(0, deadline - clock.now()), timer.signal).then(
      () => controller.abort(deadlineExceeded()),
      () => undefined,
    )
  }
  return {
    signal: controller.signal,
    deadline,
    end: () => {
      caller?.removeEventListener('abort', onCaller)
      timer.abort(ENDED)
    },
  }
}

function deadlineExceeded(): KckError {
  return new KckError('DEADLINE_EXCEEDED', 'There was no answer before the deadline of this request')
}

/** `work`, or the signal's reason as soon as it aborts; what `work` does later is nobody's concern. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined)
    return Promise.reject(signal.reason)
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
