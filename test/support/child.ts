import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { basename } from 'node:path'
import { expect } from 'vitest'

/** A program of a test in a process of its own, which says on its standard output what it does. */
export interface Child {
  text(): string
  /** Waits until it has said so. */
  seen(what: RegExp | ((text: string) => boolean)): Promise<void>
  /** SIGKILL. */
  kill(): Promise<void>
  /** Waits until it has ended by itself, in order. */
  ended(): Promise<void>
  /** Ends its standard input and waits for its last line, which is JSON. */
  finish<T>(): Promise<T>
}

export function startChild(script: string, ...parameters: string[]): Child {
  const child: ChildProcess = spawn(process.execPath, [script, ...parameters], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const exited = once(child, 'close')
  return {
    text: () => text,
    seen: async (what) => {
      const test = typeof what === 'function' ? what : (all: string) => what.test(all)
      while (!test(text)) {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`${basename(script)} ended too early: ${text}`)
        }
        await Promise.race([once(child.stdout ?? child, 'data'), exited])
      }
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
    ended: async () => {
      const [code] = await exited
      expect(code).toBe(0)
    },
    finish: async () => {
      child.stdin?.end()
      await exited
      return JSON.parse(text.trim().split('\n').at(-1) ?? '')
    },
  }
}
