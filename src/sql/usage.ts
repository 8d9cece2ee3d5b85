import { isBuiltIn } from './built-ins.ts'
import { parseTree, type SqlNode } from './parser.ts'
import type { SqlParameterType, SqlStatement } from './statement.ts'

/** A table as a statement writes it. */
export interface TableName {
  /** Null where the statement leaves it to the search path. */
  readonly schema: string | null
  readonly table: string
}

export interface TableRead extends TableName {
  /**
   * Column -> parameter: only rows in which each of these columns equals its parameter can change the statement's
   * result. Empty: any row can. A changed row that has no column of that name must count as one that matches. "Equals"
   * is SQL's: where a column's type has equal values of different text (citext, char(n), numeric, a case-insensitive
   * collation), texts that differ must count as a match too.
   */
  readonly equals: Readonly<Record<string, string>>
}

export interface TableWrite extends TableName {
  /** Column -> parameter: what certainly stands in every row that is updated, deleted or inserted. */
  readonly equals: Readonly<Record<string, string>>
}

export interface StatementUsage {
  /** Each table (or view) once per distinct `equals`; once, with none, when some use of it reads all. */
  readonly reads: readonly TableRead[]
  readonly writes: readonly TableWrite[]
  /** Columns that an update sets: what stood in them before is not known. */
  readonly assigns: readonly string[]
  /** Functions that are not PostgreSQL's own, as written: they may read or write anything. */
  readonly functions: readonly string[]
  /** It is neither a query nor an insert, update, delete or merge, so nothing is known about it. */
  readonly opaque: boolean
  /** Names of the columns it gives back, as far as they are written in it; `*` where they are not. */
  readonly returns: readonly string[]
}

/** What a statement reads and writes, from PostgreSQL's parse tree alone: views and functions are not looked into. */
export function usageOf(statement: SqlStatement): StatementUsage {
  const tree = parseTree(statement.positional)
  const root: SqlNode = 'message' in tree ? undefined : tree.statements[0]
  const usage = new Usage(statement)
  const kind = root === undefined ? '' : (Object.keys(root)[0] ?? '')
  const known = Object.hasOwn(STATEMENTS, kind)
  if (known) usage.visit(root, { ctes: new Set(), outer: null, whole: false })
  return usage.result(!known, known ? returnedNames(root[kind]) : [])
}

/** What surrounds a node. */
interface Scope {
  /** Names of common table expressions, which hide tables. */
  readonly ctes: ReadonlySet<string>
  /** The query around this one, whose columns are visible too. */
  readonly outer: Scope | null
  /** Derive no predicates here (inside a recursive query). */
  readonly whole: boolean
}

interface OpenRead extends TableName {
  readonly equals: Map<string, string>
}

/** The relations of one FROM clause by the name that qualifies their columns; null: not a table, or not derivable. */
type Relations = Map<string, OpenRead | null>

class Usage {
  private readonly statement: SqlStatement
  private readonly reads: OpenRead[] = []
  private readonly writes: OpenRead[] = []
  private readonly assigns = new Set<string>()
  private readonly functions = new Set<string>()

  constructor(statement: SqlStatement) {
    this.statement = statement
  }

  result(opaque: boolean, returns: readonly string[]): StatementUsage {
    return {
      reads: mergeReads(this.reads),
      writes: distinct(
        this.writes.map(({ schema, table, equals }) => ({ schema, table, equals: Object.fromEntries(equals) })),
      ),
      assigns: [...this.assigns].sort(),
      functions: [...this.functions].sort(),
      opaque,
      returns,
    }
  }

  /** Any node: those that matter have their own method, the others are looked through. */
  visit(node: SqlNode, scope: Scope): void {
    if (Array.isArray(node)) {
      for (const item of node) this.visit(item, scope)
      return
    }
    if (typeof node !== 'object' || node === null) return
    for (const [kind, content] of Object.entries<SqlNode>(node)) this.visitKind(kind, content, scope)
  }

  private visitKind(kind: string, content: SqlNode, scope: Scope): void {
    if (kind === 'SelectStmt') this.select(content, scope)
    else if (kind === 'RangeVar') this.table(content, scope)
    else if (kind === 'SubLink') this.subLink(content, scope)
    else if (kind === 'FuncCall') this.call(content, scope)
    else if (Object.hasOwn(STATEMENTS, kind)) this.modify(kind, content, scope)
    else this.visit(content, scope)
  }

  private select(query: SqlNode, outer: Scope): void {
    const scope = this.withQueries(query.withClause, outer)
    if (query.intoClause !== undefined) this.writes.push({ ...nameOf(query.intoClause.rel), equals: new Map() })
    if (query.larg !== undefined) {
      this.select(query.larg, scope)
      this.select(query.rarg, scope)
    }
    const relations = this.from(query.fromClause ?? [], scope)
    this.conjuncts(query.whereClause, relations, [...relations.keys()], scope)
    // What is left: expressions. "for update of o" names relations of this query, no tables.
    const { withClause: _w, intoClause: _i, larg: _l, rarg: _r, fromClause: _f, lockingClause: _k, ...rest } = query
    this.visit(rest, { ...scope, outer: scope })
  }

  /** Insert, update, delete, merge: the target is written, and what else it names is read. */
  private modify(kind: string, content: SqlNode, outer: Scope): void {
    const scope = this.withQueries(content.withClause, outer)
    this.writes.push(this.target(content, scope))
    this.assign(kind === 'UpdateStmt' ? content.targetList : content.onConflictClause?.targetList)
    for (const when of content.mergeWhenClauses ?? []) this.assign(when.MergeWhenClause.targetList)
    const { withClause: _w, relation: _r, ...rest } = content
    this.visit(rest, scope)
  }

  /** The table written, with what the statement says stands in the rows it touches. */
  private target(content: SqlNode, scope: Scope): OpenRead {
    const target: OpenRead = { ...nameOf(content.relation), equals: new Map() }
    const relations: Relations = new Map([[content.relation.alias?.aliasname ?? target.table, target]])
    // Beside other tables only a qualified column is certainly the target's.
    if (content.fromClause !== undefined || content.usingClause !== undefined) relations.set('', null)
    this.conjuncts(content.whereClause, relations, [...relations.keys()], scope)
    const rows: readonly SqlNode[] = content.selectStmt?.SelectStmt?.valuesLists ?? []
    const values: readonly SqlNode[] = rows.length === 1 ? rows[0].List.items : []
    for (const [index, column] of (content.cols ?? []).entries()) {
      const parameter = this.parameterOf(values[index])
      if (parameter !== null) target.equals.set(column.ResTarget.name, parameter)
    }
    return target
  }

  private assign(targets: readonly SqlNode[] | undefined): void {
    for (const target of targets ?? []) this.assigns.add(target.ResTarget.name)
  }

  private subLink(content: SqlNode, scope: Scope): void {
    // A column without qualifier may belong to the query around it.
    this.visit(content, { ...scope, outer: scope.outer ?? scope })
  }

  private call(content: SqlNode, scope: Scope): void {
    const names: string[] = content.funcname.map((part: SqlNode) => part.String?.sval)
    if (!isBuiltIn(names)) this.functions.add(names.join('.'))
    this.visit(content, scope)
  }

  /** The scope in which the names of a WITH clause hide tables. */
  private withQueries(clause: SqlNode, scope: Scope): Scope {
    if (clause === undefined) return scope
    const ctes = new Set(scope.ctes)
    const queries: SqlNode[] = clause.ctes.map((entry: SqlNode) => entry.CommonTableExpr)
    // Only in WITH RECURSIVE a query sees itself and the later ones.
    if (clause.recursive === true) for (const query of queries) ctes.add(query.ctename)
    for (const query of queries) {
      const whole = scope.whole || clause.recursive === true
      // What is in WITH sees no columns of the query it belongs to, so a bare column there is its own.
      this.visit(query.ctequery, { ctes: new Set(ctes), outer: scope.outer, whole })
      ctes.add(query.ctename)
    }
    return { ...scope, ctes }
  }

  private from(items: readonly SqlNode[], scope: Scope): Relations {
    const relations: Relations = new Map()
    for (const item of items) addAll(relations, this.fromItem(item, scope))
    return relations
  }

  private fromItem(item: SqlNode, scope: Scope): Relations {
    if (item.RangeVar !== undefined) return this.table(item.RangeVar, scope)
    if (item.JoinExpr !== undefined) return this.join(item.JoinExpr, scope)
    const content: SqlNode = Object.values(item)[0]
    // A LATERAL query sees the columns of its neighbours; the others see those of the query around.
    this.visit(item, content.lateral === true ? { ...scope, outer: scope.outer ?? scope } : scope)
    return new Map([[content.alias?.aliasname ?? '', null]])
  }

  private table(content: SqlNode, scope: Scope): Relations {
    const name = nameOf(content)
    const alias: string = content.alias?.aliasname ?? name.table
    if (name.schema === null && scope.ctes.has(name.table)) return new Map([[alias, null]])
    const read: OpenRead = { ...name, equals: new Map() }
    this.reads.push(read)
    // Renamed columns (`t(a, b)`) are not the table's; a recursive query is not followed round by round.
    return new Map([[alias, content.alias?.colnames === undefined && !scope.whole ? read : null]])
  }

  private join(content: SqlNode, scope: Scope): Relations {
    const left = this.fromItem(content.larg, scope)
    const right = this.fromItem(content.rarg, scope)
    const relations: Relations = new Map(left)
    addAll(relations, right)
    // ON decides which rows of a side take part only where rows without partner are dropped: on both sides of an inner
    // join, and on the side that is filled with nulls in an outer join. On the other side every row stays.
    const filtered: Record<string, readonly string[]> = {
      JOIN_INNER: [...relations.keys()],
      JOIN_LEFT: [...right.keys()],
      JOIN_RIGHT: [...left.keys()],
    }
    this.conjuncts(content.quals, relations, filtered[content.jointype] ?? [], scope)
    this.visit(content.quals, { ...scope, outer: scope })
    if (content.alias === undefined) return relations
    // `(a join b) as j` hides the names a and b.
    return new Map([[content.alias.aliasname, null]])
  }

  /**
   * Takes `column = :parameter` from the terms that must all be true. Such a term in WHERE drops every row of its
   * table that does not match, whatever the joins: a row filled with nulls fails it as well.
   */
  private conjuncts(condition: SqlNode, relations: Relations, filtered: readonly string[], scope: Scope): void {
    if (condition?.BoolExpr?.boolop === 'AND_EXPR') {
      for (const term of condition.BoolExpr.args) this.conjuncts(term, relations, filtered, scope)
      return
    }
    const expression = condition?.A_Expr
    if (expression?.kind !== 'AEXPR_OP' || !isEquals(expression.name)) return
    for (const [one, other] of [
      [expression.lexpr, expression.rexpr],
      [expression.rexpr, expression.lexpr],
    ]) {
      const parameter = this.parameterOf(other)
      const column = columnOf(one, relations, scope)
      if (parameter !== null && column !== null && filtered.includes(column.relation)) {
        relations.get(column.relation)?.equals.set(column.name, parameter)
      }
    }
  }

  /** The parameter's name when the node is `:name`, or `:name::type` with a cast that keeps every value as it is. */
  private parameterOf(node: SqlNode): string | null {
    const reference = node?.ParamRef ?? node?.TypeCast?.arg?.ParamRef
    const name = this.statement.names[(reference?.number ?? 0) - 1]
    if (name === undefined) return null
    if (node.TypeCast === undefined) return name
    const type = this.statement.types[name]
    return type !== undefined && isHarmlessCast(type, node.TypeCast.typeName) ? name : null
  }
}

const STATEMENTS = { SelectStmt: true, InsertStmt: true, UpdateStmt: true, DeleteStmt: true, MergeStmt: true }

const HARMLESS_CASTS: Partial<Record<SqlParameterType, readonly string[]>> = {
  int: ['int8', 'numeric'],
  text: ['text', 'varchar'],
  uuid: ['uuid'],
  date: ['date'],
  boolean: ['bool'],
  float: ['float8'],
}

function isHarmlessCast(type: SqlParameterType, typeName: SqlNode): boolean {
  const names: string[] = typeName.names.map((part: SqlNode) => part.String?.sval)
  const plain = typeName.typmods === undefined && typeName.arrayBounds === undefined
  // A cast to int4 fails where the value does not fit, and then there is no result to keep.
  const allowed = type === 'int' ? [...(HARMLESS_CASTS.int ?? []), 'int4'] : HARMLESS_CASTS[type]
  return plain && (allowed?.includes(names.at(-1) ?? '') ?? false)
}

function isEquals(operator: readonly SqlNode[]): boolean {
  const parts = operator.map((part) => part.String?.sval)
  return parts.at(-1) === '=' && (parts.length === 1 || parts[0] === 'pg_catalog')
}

/** Which relation of this FROM clause a column belongs to, when that is certain. */
function columnOf(
  node: SqlNode,
  relations: Relations,
  scope: Scope,
): { readonly relation: string; readonly name: string } | null {
  const fields: (string | undefined)[] | undefined = node?.ColumnRef?.fields.map((field: SqlNode) => field.String?.sval)
  if (fields === undefined || fields.includes(undefined)) return null
  const [first, second] = fields as string[]
  if (fields.length === 2) {
    return first !== undefined && second !== undefined && relations.get(first)
      ? { relation: first, name: second }
      : null
  }
  // Without qualifier it is certain only when there is one relation, and no query around that may own the column.
  const [only, ...others] = relations.keys()
  if (fields.length !== 1 || first === undefined || only === undefined) return null
  return others.length === 0 && scope.outer === null ? { relation: only, name: first } : null
}

function nameOf(rangeVar: SqlNode): TableName {
  return { schema: rangeVar.schemaname ?? null, table: rangeVar.relname }
}

/** A name that stands twice qualifies nothing for certain. */
function addAll(relations: Relations, more: Relations): void {
  for (const [name, read] of more) relations.set(name, relations.has(name) ? null : read)
}

function mergeReads(open: readonly OpenRead[]): TableRead[] {
  const reads = distinct(
    open.map(({ schema, table, equals }) => ({ schema, table, equals: Object.fromEntries([...equals].sort()) })),
  )
  const isWhole = (read: TableRead) => Object.keys(read.equals).length === 0
  return reads.filter(
    (read) =>
      isWhole(read) ||
      !reads.some((other) => isWhole(other) && other.schema === read.schema && other.table === read.table),
  )
}

function distinct<T>(items: readonly T[]): T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
}

/** The column names a statement gives back, as far as they are written in it. */
function returnedNames(statement: SqlNode): string[] {
  if (statement.larg !== undefined) return returnedNames(statement.larg)
  const isQuery = statement.limitOption !== undefined
  const exprs: SqlNode[] = (isQuery ? statement.targetList : statement.returningClause?.exprs) ?? []
  return exprs.flatMap(({ ResTarget: target }) => {
    if (target.name !== undefined) return [target.name]
    const reference: SqlNode = target.val.TypeCast?.arg.ColumnRef ?? target.val.ColumnRef
    const last: SqlNode = reference?.fields.at(-1)
    if (last?.A_Star !== undefined) return ['*']
    return last?.String?.sval === undefined ? [] : [last.String.sval]
  })
}
