/** Whether a page shows what was printed; times, versions and durations differ from run to run, and `...` is anything. */
export function isShown(printed: string, shown: string, language: string): boolean {
  if (language === 'json') return isLike(JSON.parse(printed), JSON.parse(shown))
  const pattern = changing(shown)
    .split('...')
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join(String.raw`[\s\S]*`)
  return new RegExp(`^${pattern}$`).test(changing(printed))
}

function changing(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\b\d{13}\b/g, '<version>')
    .replaceAll(/\b\d+(\.\d+)? (ms|s|min|h)\b/g, '<duration>')
    .replaceAll(/[ \t\r]+/g, ' ')
    .replaceAll(/ ?\n/g, '\n')
    .trim()
}

function isLike(printed: unknown, shown: unknown): boolean {
  if (shown === '...') return true
  if (typeof shown === 'string') return typeof printed === 'string' && isShown(printed, shown, 'text')
  if (typeof shown === 'number') return printed === shown || (isVersion(shown) && typeof printed === 'number')
  if (typeof shown !== 'object' || shown === null) return printed === shown
  if (typeof printed !== 'object' || printed === null || Array.isArray(printed) !== Array.isArray(shown)) return false
  const names = Object.keys(shown)
  const isWhole = Object.keys(printed).length === names.length
  return isWhole && names.every((name) => isLike(Reflect.get(printed, name), Reflect.get(shown, name)))
}

const isVersion = (number: number) => String(number).length === 13
