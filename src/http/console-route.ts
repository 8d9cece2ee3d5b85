import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EdgeResponse } from './respond.ts'

/** What `npm run build-console` writes. It holds no data: those come from the routes for operators. */
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

/** `GET /console` and what the page asks for below it; null: there is no such file. Read when asked for: few ever do. */
export async function consoleFile(folder: string, rest: string): Promise<EdgeResponse | null> {
  const name = rest === '' ? 'index.html' : rest.slice(1)
  const type = Object.hasOwn(types, name) ? types[name] : undefined
  const body = type === undefined ? null : await readFile(join(folder, name)).catch(() => null)
  if (type === undefined || body === null) return null
  const headers = [
    ['content-type', type],
    ['content-length', String(body.byteLength)],
    // It is small, and a new version must show at once.
    ['cache-control', 'no-cache'],
    ['content-security-policy', policy],
    ['referrer-policy', 'no-referrer'],
  ]
  return { status: 200, headers: headers.flat(), body }
}
