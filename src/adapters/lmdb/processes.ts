import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/**
 * A name for a process that no later one will have: its number alone comes back, in a restarted container at once.
 * Null: there is no such process.
 */
export function processName(pid: number = process.pid): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The 22nd field, counted from behind the program's name, which may hold anything: when it was started.
    return `${pid}.${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return hasProcFolder() || !answersSignal(pid) ? null : `${pid}.0`
  }
}

export function isRunning(name: string): boolean {
  return processName(Number.parseInt(name, 10)) === name
}

/** Changes when the machine restarts. */
export function currentBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return `about-${Math.round((Date.now() / 1000 - uptime()) / 600)}`
  }
}

function hasProcFolder(): boolean {
  try {
    return readFileSync('/proc/self/stat').length > 0
  } catch {
    return false
  }
}

function answersSignal(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
