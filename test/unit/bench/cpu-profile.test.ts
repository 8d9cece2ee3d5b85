import { expect, test } from 'vitest'
import { type CpuProfile, summarise } from '../../../bench/support/cpu-profile.ts'

const node = (id: number, functionName: string, url = '') => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
})

const profile: CpuProfile = {
  nodes: [
    node(1, '(idle)'),
    node(2, 'writev'),
    node(3, '(garbage collector)'),
    node(4, 'parserOnIncoming', 'node:_http_server'),
    node(5, 'peek', 'file:///somewhere/src/fetch/fetch.ts'),
    node(6, 'execute', 'file:///somewhere/node_modules/cassandra-driver/lib/client.js'),
    // The same function, reached in another way.
    node(7, 'peek', 'file:///somewhere/src/fetch/fetch.ts'),
  ],
  samples: [1, 2, 3, 4, 5, 6, 7],
  timeDeltas: [500, 100, 50, 150, 60, 100, 40],
}

test('shares are of the time that was not idle, by what a function belongs to', () => {
  const { busy, groups } = summarise(profile, 10)
  expect(busy).toBe(0.5)
  expect(Object.fromEntries(groups.map(({ name, share }) => [name, share]))).toEqual({
    'node:http': 0.3,
    'sockets (system calls)': 0.2,
    'KCK: near cache and fetch': 0.2,
    'Cassandra driver': 0.2,
    'garbage collection': 0.1,
  })
})

test('functions are added up wherever they were called, the dearest first, without folders of this machine', () => {
  const { functions } = summarise(profile, 2)
  expect(functions.map(({ name }) => name)).toEqual(['parserOnIncoming node:_http_server:10', 'writev'])
  const names = summarise(profile, 10).functions.map(({ name }) => name)
  expect(names).toContain('peek src/fetch/fetch.ts:10')
  expect(names).toContain('execute node_modules/cassandra-driver/lib/client.js:10')
})
