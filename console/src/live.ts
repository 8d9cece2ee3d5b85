import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import type { ActivityEvent, ActivityState } from '../../src/operate/activity.ts'
import { get, locked, messageOf, token } from './api.ts'

/** What the service says of itself, asked for once a second while somebody looks. */
export const activity = signal<ActivityState | null>(null)
/** The newest events, oldest first. */
export const events = signal<readonly ActivityEvent[]>([])
export const problem = signal<string | null>(null)

const pollMs = 1_000
const kept = 300
const listeners = new Set<(event: ActivityEvent) => void>()
const seen = new Set<string>()

export function follow(): void {
  const poll = async () => {
    if (!(document.hidden || locked.value)) await look()
    setTimeout(poll, pollMs)
  }
  void poll()
}

async function look(): Promise<void> {
  try {
    const state = await get<ActivityState>('/operate/activity')
    const isFirst = activity.value === null
    const fresh = state.events.filter(({ id }) => !seen.has(id))
    for (const { id } of fresh) seen.add(id)
    activity.value = state
    problem.value = null
    if (fresh.length === 0) return
    events.value = [...events.value, ...fresh].sort((a, b) => a.at - b.at).slice(-kept)
    if (!isFirst) for (const event of fresh) for (const listener of listeners) listener(event)
  } catch (error) {
    problem.value = messageOf(error)
  }
}

/** Calls `listener` for every event that is new while the component is shown. */
export function useEvents(listener: (event: ActivityEvent) => void): void {
  useEffect(() => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [listener])
}

/** What `load` gives, asked for again every `everyMs`, and when `again` changes. */
export function usePolled<T>(load: () => Promise<T>, everyMs: number, again: readonly unknown[] = []) {
  const [state, setState] = useState<{ readonly value: T | null; readonly error: string | null }>({
    value: null,
    error: null,
  })
  const [times, setTimes] = useState(0)
  useEffect(() => {
    let isOver = false
    let timer: ReturnType<typeof setTimeout>
    const poll = async () => {
      const found = await load().then(
        (value) => ({ value, error: null }),
        (error: unknown) => ({ error: messageOf(error) }),
      )
      if (isOver) return
      setState((before) => ({ ...before, ...found }))
      timer = setTimeout(poll, everyMs)
    }
    void poll()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [times, token.value, ...again])
  return { ...state, reload: () => setTimes((count) => count + 1) }
}
