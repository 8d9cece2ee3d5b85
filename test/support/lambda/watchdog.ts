import { type ChildProcess, spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Its standard input ends when we do, however we end. A number may be another process's by then. */
const SCRIPT = `while read -r pid; do pids="$pids $pid"; done
for pid in $pids; do grep -q aws-lambda-ric "/proc/$pid/cmdline" 2>/dev/null && kill -9 "$pid"; done`

let watchdog: ChildProcess | undefined

/** A function that stands still does not notice that its parent is gone: it is killed then. */
export function endWithUs(pid: number): void {
  if (watchdog === undefined) {
    watchdog = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    watchdog.unref()
    ;(watchdog.stdin as Socket).unref()
  }
  watchdog.stdin?.write(`${pid}\n`)
}
