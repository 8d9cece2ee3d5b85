import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EdgeResponse } from './respond.ts'

/** The console's page, as bytes. It holds no data: those come from the routes for operators. */
export interface ConsoleFiles {
  readonly [path: string]: { readonly type: string; readonly body: Uint8Array }
}

const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
}

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Reads what `npm run build-console` wrote; null: it is not there. */
export function readConsole(folder: string): ConsoleFiles | null {
  try {
    const files = Object.entries(types).map(([name, type]) => [name, { type, body: readFileSync(join(folder, name)) }])
    return Object.fromEntries(files)
  } catch {
    return null
  }
}

/** `GET /console` and what the page asks for below it; null: there is no such file. */
export function consoleFile(files: ConsoleFiles, rest: string): EdgeResponse | null {
  const file = files[rest === '' ? 'index.html' : rest.slice(1)]
  if (!file) return null
  const headers = [
    ['content-type', file.type],
    ['content-length', String(file.body.byteLength)],
    // It is small, and a new version must show at once.
    ['cache-control', 'no-cache'],
    ['content-security-policy', policy],
    ['referrer-policy', 'no-referrer'],
  ]
  return { status: 200, headers: headers.flat(), body: file.body }
}
