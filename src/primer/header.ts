import { parseDocument } from 'yaml'
import { KckError } from '../errors.ts'

/** What the comments at the top of a `.sql` file say. */
export interface SqlFile {
  /** From its `-- kck:` lines. */
  readonly options: Readonly<Record<string, unknown>>
  /** The free comment lines before the first statement, as one text; null without any. */
  readonly description: string | null
  /** The SQL by the name of its section (`-- kck: insert`); all of it as `sql` in a file without sections. */
  readonly sections: ReadonlyMap<string, Section>
}

export interface Section {
  readonly text: string
  /** The line of the file that the text begins on. */
  readonly line: number
}

/**
 * Reads a `.sql` file: lines `-- kck: name: value, name: value` (the inside of a YAML flow mapping; several lines add
 * up), free comments, SQL. A line `-- kck: insert`, where that is one of `sectionNames`, begins a section.
 */
export function readSqlFile(text: string, file: string, sectionNames: readonly string[] = []): SqlFile {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  const headers = lines.flatMap((line, index): HeaderLine[] => {
    const header = /^\s*--\s*kck:(.*)$/.exec(line)?.[1]?.trim()
    return header === undefined ? [] : [{ text: header, index }]
  })
  const markers = headers.filter(({ text: header }) => sectionNames.includes(header))
  const options = new Map<string, unknown>()
  for (const header of headers) {
    const fail: Fail = (message, cause) => {
      throw new KckError('INVALID_DEFINITION', `${file}:${header.index + 1}: ${message}`, { cause })
    }
    if (markers.includes(header)) {
      const first = markers.find((marker) => marker.text === header.text)
      if (first !== header) fail(`has a second section "${header.text}"`)
      continue
    }
    for (const [name, value] of readOptions(header.text, fail)) {
      if (options.has(name)) fail(`"${name}" is given twice`)
      options.set(name, value)
    }
  }
  return {
    options: Object.fromEntries(options),
    description: readDescription(lines),
    sections: readSections(lines, markers),
  }
}

/** What stands behind `-- kck:`, and in which line, from 0. */
interface HeaderLine {
  readonly text: string
  readonly index: number
}

type Fail = (message: string, cause?: unknown) => never

function readOptions(header: string, fail: Fail): [string, unknown][] {
  const document = parseDocument(header.startsWith('{') ? header : `{${header}}`)
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault !== undefined) {
    return fail(`the header is no YAML: ${fault.message.split(/ at line |\n/, 1)[0]}`, fault)
  }
  return Object.entries(document.toJS() as object).map(([name, value]) => {
    // "softTtl:" and a bare "softTtl" both read as null.
    if (value === null) fail(`"${name}" has no value`)
    return [name, value]
  })
}

/** The free comments above the first line of SQL. */
function readDescription(lines: readonly string[]): string | null {
  const firstSql = lines.findIndex((line) => line.trim() !== '' && !/^\s*--/.test(line))
  const comments = lines.slice(0, firstSql === -1 ? lines.length : firstSql).flatMap((line) => {
    const comment = /^\s*--(?!\s*kck:)(.*)$/.exec(line)?.[1]?.trim()
    return comment ? [comment] : []
  })
  return comments.length === 0 ? null : comments.join(' ')
}

function readSections(lines: readonly string[], markers: readonly HeaderLine[]): ReadonlyMap<string, Section> {
  if (markers.length === 0) return new Map([['sql', { text: lines.join('\n'), line: 1 }]])
  return new Map(
    markers.map(({ text, index }, order) => [
      text,
      { text: lines.slice(index + 1, markers[order + 1]?.index).join('\n'), line: index + 2 },
    ]),
  )
}
