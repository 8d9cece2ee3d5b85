import type { Activity, ActivityState } from '../operate/activity.ts'

/** Milliseconds between two messages: people watch, programs do not. */
const everyMs = 500

interface Message {
  readonly kck: 'activity'
  readonly state: ActivityState
}

/**
 * Tells the other workers of a cluster what happens in this one, and hears of them, so that whichever answers the
 * console knows of all. Does nothing in a process of its own. Returns the way to stop.
 */
export function shareActivity(activity: Activity): () => void {
  if (!process.send) return () => undefined
  const hear = (message: unknown) => {
    if (isActivity(message)) activity.add(message.state)
  }
  const tell = () => {
    const state = activity.take()
    if (state !== null && process.connected) process.send?.({ kck: 'activity', state } satisfies Message)
  }
  process.on('message', hear)
  const timer = setInterval(tell, everyMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    process.off('message', hear)
  }
}

function isActivity(message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'kck' in message && message.kck === 'activity'
}
