import { ResourceNotFoundException } from '@aws-sdk/client-keyspaces'
import { expect, test } from 'vitest'
import { waitUntilActive } from '../../../../src/adapters/keyspaces/table-status.ts'
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts'

/** Answers with these statuses, one call after the other; the last one for ever. An error is thrown. */
function controlPlane(...answers: (string | Error)[]) {
  const asked: string[] = []
  const send = async ({ input }: { input: { keyspaceName: string; tableName: string } }) => {
    asked.push(`${input.keyspaceName}.${input.tableName}`)
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer instanceof Error) throw answer
    return { status: answer }
  }
  return { asked, send: send as never }
}

async function wait(client: { readonly send: never }, tables: readonly string[]) {
  const clock = new VirtualClock()
  const waiting = waitUntilActive({ region: 'eu-west-1', clock, client }, 'kck', tables)
  waiting.catch(() => {})
  await clock.advance(600_000)
  return waiting
}

const unknown = new ResourceNotFoundException({ message: 'no such table', $metadata: {} })

test('waits for every table, also for one that is not known yet', async () => {
  const client = controlPlane(unknown, 'CREATING', 'ACTIVE', 'UPDATING', 'ACTIVE')
  await wait(client, ['entry', 'edge'])
  expect(client.asked).toEqual(['kck.entry', 'kck.entry', 'kck.entry', 'kck.edge', 'kck.edge'])
})

test('gives up after five minutes, asking ever less often', async () => {
  const client = controlPlane('CREATING')
  await expect(wait(client, ['entry'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(client.asked.length).toBeLessThan(70)
})

test('gives up at once on a table that is deleted, or that it may not ask for', async () => {
  const deleted = controlPlane('DELETING')
  await expect(wait(deleted, ['entry'])).rejects.toMatchObject({ details: { table: 'entry', status: 'DELETING' } })
  const denied = controlPlane(new Error('AccessDenied'))
  await expect(wait(denied, ['entry'])).rejects.toMatchObject({ message: expect.stringContaining('cassandra:Select') })
  expect([deleted.asked.length, denied.asked.length]).toEqual([1, 1])
})
