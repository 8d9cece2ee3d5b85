import { signal } from '@preact/signals'

/** Kept for this tab only. */
export const token = signal(sessionStorage.getItem('kck-token') ?? '')
/** A request was refused for want of a token, or of a better one. */
export const locked = signal(false)

/** Where the API is: beside this page. */
const base = location.pathname.replace(/\/console\/?$/, '')

class ApiError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export async function ask<T>(method: string, path: string, headers: Record<string, string> = {}): Promise<T> {
  const bearer = token.value === '' ? {} : { authorization: `Bearer ${token.value}` }
  const response = await fetch(`${base}${path}`, {
    method,
    headers: { accept: 'application/json', ...bearer, ...headers },
  })
  const body = await response.json().catch(() => ({}))
  if (response.status === 401 || response.status === 403) locked.value = true
  if (!response.ok)
    throw new ApiError(response.status, body.code ?? '', body.detail ?? `The service answered ${response.status}`)
  locked.value = false
  return body
}

export const get = <T>(path: string): Promise<T> => ask('GET', path)

export function useToken(text: string): void {
  token.value = text.trim()
  sessionStorage.setItem('kck-token', token.value)
  locked.value = false
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
