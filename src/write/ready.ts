import type { UpdaterKey } from '../primer/registry.ts'
import { refuseUnknownChanges, type UpdateDeps } from '../update/update.ts'
import { type Chosen, chooseStatement, validateBody } from '../updater/body.ts'
import type { WaitingWrite } from './record.ts'

/** A waiting write, understood once more: its updater may have changed since it was accepted. */
export interface Ready {
  readonly write: WaitingWrite
  readonly target: UpdaterKey
  readonly body: Readonly<Record<string, unknown>>
  readonly chosen: Chosen
}

/** Throws what makes it a write that can never be applied. */
export function readyOf({ registry }: Pick<UpdateDeps, 'registry'>, write: WaitingWrite): Ready {
  const target = registry.parseUpdaterKey(write.updater)
  const body = validateBody(target.updater, write.body)
  const chosen = chooseStatement(target.updater, { key: target.parameters, body })
  refuseUnknownChanges(registry, target, { body, chosen })
  return { write, target, body, chosen }
}
