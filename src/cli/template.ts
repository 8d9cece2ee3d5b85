import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

export interface TemplateOptions {
  /** What `__NAME__` stands for in the files. */
  readonly values: Readonly<Record<string, string>>
  /** Files whose path matches are not copied. */
  readonly leaveOut: RegExp | null
}

/** Copies a folder of text files and fills in its placeholders. Keeps files that are there. Returns the paths written. */
export async function copyTemplate(from: string, to: string, { values, leaveOut }: TemplateOptions): Promise<string[]> {
  const written: string[] = []
  const entries = await readdir(from, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = relative(from, join(entry.parentPath, entry.name))
    if (leaveOut?.test(path)) continue
    // npm does not pack a file of that name.
    const target = path.replace(/(^|\/)gitignore$/, '$1.gitignore')
    const text = (await readFile(join(from, path), 'utf8')).replaceAll(
      /__([A-Z]+)__/g,
      (all, name) => values[name] ?? all,
    )
    await mkdir(dirname(join(to, target)), { recursive: true })
    if (await writeNew(join(to, target), text)) written.push(target)
  }
  return written.sort()
}

async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
