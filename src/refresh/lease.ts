import type { StoredEntry } from '../entry/entry.ts'
import { type MutateDeps, mutate } from '../entry/mutate.ts'
import { renew } from '../entry/transitions.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import { ENDED } from '../kck/scope.ts'

export interface HeldLease {
  /** Aborts when the lease is lost, or the outer signal aborts. */
  readonly signal: AbortSignal
  readonly lost: boolean
  end(): void
}

/** Renews a lease every third of its time until `end`; notices when somebody else has taken it. */
export function holdLease(
  deps: MutateDeps & { readonly leaseMs: number },
  lease: { readonly key: string; readonly token: string },
  outer: AbortSignal,
): HeldLease {
  const lost = new AbortController()
  const ended = new AbortController()
  const { key, token } = lease
  const renewOnce = async (operation: string) => {
    const transition = (entry: StoredEntry) => {
      const now = deps.clock.now()
      return renew(entry, { token, until: now + deps.leaseMs }, now)
    }
    const renewed = await mutate(deps, { key, operation, signal: ended.signal }, transition)
    if (renewed.applied) emit({ type: 'lease', key, outcome: 'renewed' })
    else lost.abort(new KckError('INTERNAL', 'The lease was lost'))
  }
  const renewing = async () => {
    for (let turn = 1; !lost.signal.aborted; turn++) {
      await deps.clock.sleep(deps.leaseMs / 3, ended.signal)
      // A store that cannot be asked for a moment costs the lease at worst, and then the commit finds out.
      await renewOnce(`${token}:${turn}`).catch((error: unknown) => {
        if (!ended.signal.aborted) emit({ type: 'fault', where: 'renewing a lease', key, error })
      })
    }
  }
  renewing().catch(() => undefined)
  return {
    signal: AbortSignal.any([outer, lost.signal]),
    get lost() {
      return lost.signal.aborted
    },
    end: () => ended.abort(ENDED),
  }
}
