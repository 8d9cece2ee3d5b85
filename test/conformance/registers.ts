import { expect } from 'vitest'
import type { Registers } from '../../src/ports/registers.ts'
import { type StoreFactory, type StoreHarness, type SuiteOptions, suite, unique } from './suite.ts'

/** What every `Registers` must do. */
export function registersConformance(name: string, factory: StoreFactory, options: SuiteOptions = {}): void {
  suite<StoreHarness>({ name: `Registers: ${name}`, factory, options }, (check) => {
    check('a register that nobody wrote is not there', async ({ store: { registers } }) => {
      expect(await registers.get(unique('register'))).toBeNull()
    })

    check('a write counts only on the revision that it names', async ({ store: { registers } }) => {
      const name = unique('register')
      expect(await registers.compareAndSet(name, 1, write('too early'))).toBe(false)
      expect(await registers.compareAndSet(name, 0, write('one'))).toBe(true)
      expect(await registers.compareAndSet(name, 0, write('again'))).toBe(false)
      expect(await registers.get(name)).toEqual({ rev: 1, text: 'one' })
      expect(await registers.compareAndSet(name, 1, write(''))).toBe(true)
      expect(await registers.get(name)).toEqual({ rev: 2, text: '' })
    })

    check('names and texts may be anything', async ({ store: { registers } }) => {
      for (const name of [
        `${unique('register')}/a b`,
        `${unique('register')}🙂`,
        unique('register') + 'x'.repeat(1000),
      ]) {
        const text = JSON.stringify({ text: '日本語 \u0000 🙂', long: 'x'.repeat(60_000) })
        expect(await registers.compareAndSet(name, 0, write(text))).toBe(true)
        expect(await registers.get(name)).toEqual({ rev: 1, text })
      }
    })

    check('of those who write at the same time one wins each time', async (harness) => {
      const name = unique('register')
      const increments = options.increments ?? 50
      const clients = 8
      await Promise.all(Array.from({ length: clients }, () => count(harness.store.registers, name, increments)))
      expect(await harness.store.registers.get(name)).toEqual({
        rev: clients * increments,
        text: String(clients * increments),
      })
    })

    check('it is there until its end and gone from then on', async ({ store: { registers }, now, advance }) => {
      const name = unique('register')
      const time = now?.() ?? Date.now()
      expect(await registers.compareAndSet(name, 0, { ...write('brief'), removeAt: time + 2_000 })).toBe(true)
      expect(await registers.get(name)).toEqual({ rev: 1, text: 'brief' })
      await advance?.(4_000)
      expect(await registers.get(name)).toBeNull()
      expect(await registers.compareAndSet(name, 0, write('after'))).toBe(true)
      expect(await registers.get(name)).toEqual({ rev: 1, text: 'after' })
    })
  })
}

let operations = 0
function write(text: string) {
  operations += 1
  return { text, operation: `operation-${operations}`, removeAt: null }
}

async function count(registers: Registers, name: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const { rev, text } = (await registers.get(name)) ?? { rev: 0, text: '0' }
    if (await registers.compareAndSet(name, rev, write(String(Number(text) + 1)))) done++
  }
}
