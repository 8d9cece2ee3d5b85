export type Cell = string | number | null

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  /** A null or NaN is a figure that could not be had. */
  readonly rows: readonly (readonly Cell[])[]
}

/** As Markdown, for a terminal and for `docs/performance.md`: columns aligned, every one but the first to the right. */
export function formatTable({ title, columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => columns.map((_, index) => formatCell(row[index] ?? null)))]
  const widths = columns.map((_, index) => Math.max(3, ...cells.map((row) => row[index]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, index) => (index === 0 ? (row[index] ?? '').padEnd(width) : (row[index] ?? '').padStart(width))).join(' | ')} |`
  const rule = `|${widths.map((width, index) => (index === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  const [head = [], ...body] = cells
  return [`**${title}**`, '', line(head), rule, ...body.map(line)].join('\n')
}

/** Three significant digits below 100, whole numbers with thousands separated above. */
export function formatCell(cell: Cell): string {
  if (cell === null || Number.isNaN(cell)) return '-'
  if (typeof cell === 'string') return cell
  if (Math.abs(cell) >= 100) return Math.round(cell).toLocaleString('en-US')
  return String(Number(cell.toPrecision(3)))
}

/** A share as people say it: `0.823` is `82%`; from 3 on as a multiple: `12.4x`. */
export function formatRatio(ratio: number): Cell {
  if (!Number.isFinite(ratio)) return null
  return ratio < 3 ? `${Math.round(ratio * 100)}%` : `${formatCell(ratio)}x`
}
