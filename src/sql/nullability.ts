import { parseTree, type SqlNode } from './parser.ts'
import type { SqlStatement } from './statement.ts'
import type { TableName } from './usage.ts'

/** Whether a table's column can hold null; undefined when the table is unknown or has no such column. */
export type ColumnNullability = (table: TableName, column: string) => boolean | undefined

export interface ResultNullability {
  /** Columns of the result that are never null, as far as the statement and the tables prove it. */
  readonly notNull: ReadonlySet<string>
  /** Always exactly one row: an aggregate over everything. */
  readonly oneRow: boolean
}

/** What of a query's result can be null; for generated types, so in doubt everything can. */
export function nullabilityOf(
  statement: SqlStatement,
  columns: readonly string[],
  tables: ColumnNullability,
): ResultNullability {
  const tree = parseTree(statement.positional)
  const query: SqlNode = 'message' in tree ? undefined : tree.statements[0].SelectStmt
  if (query?.targetList === undefined) return { notNull: new Set(), oneRow: false }
  const relations = relationsOf(query.fromClause ?? [], query.withClause)
  const explicit = new Map<string, SqlNode>()
  let star = false
  for (const { ResTarget: target } of query.targetList) {
    const last: SqlNode = target.val.ColumnRef?.fields.at(-1)
    if (last?.A_Star !== undefined) star = true
    const name: string | undefined = target.name ?? last?.String?.sval ?? functionName(target.val)
    if (name !== undefined) explicit.set(name, target.val)
  }
  const isNotNull = (name: string): boolean => {
    const expression = explicit.get(name)
    if (expression !== undefined) return neverNull(expression, relations, tables)
    return star && columnNeverNull([name], relations, tables)
  }
  return { notNull: new Set(columns.filter(isNotNull)), oneRow: isSingleAggregate(query) }
}

interface Relation {
  readonly alias: string
  /** Null: a subquery, a function, a WITH query. */
  readonly table: TableName | null
  /** It is filled with nulls where a join finds no partner. */
  readonly padded: boolean
}

function relationsOf(items: readonly SqlNode[], withClause: SqlNode): Relation[] {
  const ctes: string[] = withClause?.ctes.map((cte: SqlNode) => cte.CommonTableExpr.ctename) ?? []
  return items.flatMap((item) => relationsIn(item, false, ctes))
}

function relationsIn(item: SqlNode, padded: boolean, ctes: readonly string[]): Relation[] {
  if (item.JoinExpr !== undefined && item.JoinExpr.alias === undefined) {
    const { jointype, larg, rarg } = item.JoinExpr
    return [
      ...relationsIn(larg, padded || jointype === 'JOIN_RIGHT' || jointype === 'JOIN_FULL', ctes),
      ...relationsIn(rarg, padded || jointype === 'JOIN_LEFT' || jointype === 'JOIN_FULL', ctes),
    ]
  }
  const { relname, schemaname = null, alias } = item.RangeVar ?? {}
  const isTable =
    relname !== undefined && alias?.colnames === undefined && (schemaname !== null || !ctes.includes(relname))
  return [
    {
      alias: alias?.aliasname ?? relname ?? '',
      table: isTable ? { schema: schemaname, table: relname } : null,
      padded,
    },
  ]
}

function neverNull(node: SqlNode, relations: readonly Relation[], tables: ColumnNullability): boolean {
  if (node.A_Const !== undefined) return node.A_Const.isnull !== true
  if (node.TypeCast !== undefined) return neverNull(node.TypeCast.arg, relations, tables)
  if (node.CoalesceExpr !== undefined) {
    return node.CoalesceExpr.args.some((arg: SqlNode) => neverNull(arg, relations, tables))
  }
  if (node.FuncCall !== undefined)
    return ['count', 'row_number', 'rank', 'dense_rank', 'now'].includes(functionName(node) ?? '')
  // Arithmetic on values that are not null fails or gives one that is not null.
  const operation: SqlNode = node.A_Expr
  if (operation?.kind === 'AEXPR_OP' && ['+', '-', '*', '/', '%', '||'].includes(operation.name[0]?.String?.sval)) {
    return [operation.lexpr, operation.rexpr].every((side) => side !== undefined && neverNull(side, relations, tables))
  }
  const fields = node.ColumnRef?.fields.map((field: SqlNode) => field.String?.sval)
  return fields !== undefined && columnNeverNull(fields, relations, tables)
}

function columnNeverNull(
  fields: readonly (string | undefined)[],
  relations: readonly Relation[],
  tables: ColumnNullability,
): boolean {
  const column = fields.at(-1)
  if (column === undefined || fields.length > 2) return false
  const candidates = fields.length === 2 ? relations.filter(({ alias }) => alias === fields[0]) : relations
  // A relation whose columns are not known may own the column.
  if (candidates.some(({ table }) => table === null)) return false
  const owners = candidates.flatMap(({ table, padded }) => {
    const nullable = table === null ? undefined : tables(table, column)
    return nullable === undefined ? [] : [nullable || padded]
  })
  return owners.length === 1 && owners[0] === false
}

/** `select count(*), max(x) from t`: without GROUP BY there is one row, whatever the table holds. */
function isSingleAggregate(query: SqlNode): boolean {
  const limits = ['groupClause', 'havingClause', 'limitCount', 'limitOffset', 'distinctClause']
  const targets: SqlNode[] = query.targetList.map((target: SqlNode) => target.ResTarget.val)
  return (
    limits.every((part) => query[part] === undefined) &&
    targets.some(hasAggregate) &&
    targets.every((target) => hasAggregate(target) || target.A_Const !== undefined)
  )
}

const AGGREGATES =
  /^(count|sum|min|max|avg|(array|string|jsonb?|jsonb?_object)_agg|bool_(and|or)|every|stddev|variance)$/

/** Looks through casts, coalesce and operators, but into no other function: one that returns many rows may be there. */
function hasAggregate(node: SqlNode): boolean {
  if (node.FuncCall !== undefined) return node.FuncCall.over === undefined && AGGREGATES.test(functionName(node) ?? '')
  const parts: SqlNode[] = [
    node.TypeCast?.arg,
    ...(node.CoalesceExpr?.args ?? []),
    node.A_Expr?.lexpr,
    node.A_Expr?.rexpr,
  ]
  return parts.some((part) => part !== undefined && hasAggregate(part))
}

function functionName(node: SqlNode): string | undefined {
  const names: SqlNode[] | undefined = node.FuncCall?.funcname ?? node.TypeCast?.arg.FuncCall?.funcname
  return names?.at(-1)?.String?.sval
}
