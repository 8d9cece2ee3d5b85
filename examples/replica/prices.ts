import { openFileLog, openFileSnapshots, openReplica } from 'kck/replica'

interface Price {
  readonly amount: number
  readonly currency: string
}

/** A dataset that all processes of this machine share. With the log in Cassandra, those of all machines. */
export async function prices(folder: string): Promise<readonly string[]> {
  const log = openFileLog({ path: `${folder}/log` })
  const snapshots = openFileSnapshots({ path: `${folder}/snapshots` })
  const replica = await openReplica<Price>({ name: 'prices', path: folder, log, snapshots })
  await replica.set('apple', { amount: 1.2, currency: 'EUR' })
  await replica.setMany({ pear: { amount: 2, currency: 'EUR' }, plum: { amount: 0, currency: 'EUR' } })

  const read = [`apple: ${replica.get('apple')?.amount}`, `keys: ${[...replica.keys()].join(' ')}`]

  const { id } = await replica.snapshot()
  await replica.compact(id, (_name, price) => price.amount > 0)
  await replica.close()
  return [...read, `left: ${[...replica.keys()].join(' ')}`]
}
