import { compile } from 'json-p3'

/**
 * A JSONPath (RFC 9535) from what the original KCK's `jsonpath_first` took, which may have no root (`[0].name`), a dot
 * before a bracket (`$.[0]`), and names such as `total-price` without quotes. Throws json-p3's error when it is neither.
 */
export function standardJsonPath(path: string): string {
  const standard = isStandard(path)
    ? path
    : (path.startsWith('$') ? path : `$${/^[[.]/.test(path) ? '' : '.'}${path}`)
        .replaceAll('.[', '[')
        .replaceAll(/\.([A-Za-z_]\w*(?:-\w+)+)/g, "['$1']")
  compile(standard)
  return standard
}

function isStandard(path: string): boolean {
  try {
    compile(path)
    return true
  } catch {
    return false
  }
}
