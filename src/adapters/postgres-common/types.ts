/** A type of PostgreSQL, as far as reading its text form needs it. */
export interface PgType {
  /** `int4`, `timestamptz`, `_text` for an array of text. */
  readonly name: string
  /** Set for arrays. */
  readonly element?: PgType
}

/** Rows of `TYPES_BY_OID`: oid, name, name of the element type, all as text. */
export type TypeLookup = (oids: readonly number[]) => Promise<readonly (readonly (string | null)[])[]>

/** What a lookup asks: the name, and for arrays the element's name, of the types whose oids are in `$1`. */
export const TYPES_BY_OID = `select t.oid::text, t.typname::text, e.typname::text
from pg_catalog.pg_type t left join pg_catalog.pg_type e on e.typarray = t.oid where t.oid = any($1::oid[])`

/** Object identifiers that never change; the others (enums, extensions) are looked up once. */
const SCALARS: Readonly<Record<string, readonly [oid: number, arrayOid: number]>> = {
  bool: [16, 1000],
  bytea: [17, 1001],
  char: [18, 1002],
  name: [19, 1003],
  int8: [20, 1016],
  int2: [21, 1005],
  int4: [23, 1007],
  text: [25, 1009],
  oid: [26, 1028],
  json: [114, 199],
  float4: [700, 1021],
  float8: [701, 1022],
  bpchar: [1042, 1014],
  varchar: [1043, 1015],
  date: [1082, 1182],
  time: [1083, 1183],
  timestamp: [1114, 1115],
  timestamptz: [1184, 1185],
  interval: [1186, 1187],
  timetz: [1266, 1270],
  numeric: [1700, 1231],
  uuid: [2950, 2951],
  jsonb: [3802, 3807],
}

/** Types by object identifier, for one database. */
export class TypeCatalog {
  readonly #types = new Map<number, PgType>()

  constructor() {
    for (const [name, [oid, arrayOid]] of Object.entries(SCALARS)) {
      const type: PgType = { name }
      this.#types.set(oid, type)
      this.#types.set(arrayOid, { name: `_${name}`, element: type })
    }
  }

  /** The types of a result's columns. Asks the database only for those never seen before. */
  async resolve(oids: readonly number[], lookup: TypeLookup): Promise<readonly PgType[]> {
    const unknown = oids.filter((oid) => !this.#types.has(oid))
    if (unknown.length > 0) {
      for (const [oid, name, element] of await lookup([...new Set(unknown)])) {
        this.#types.set(Number(oid), { name: name ?? 'unknown', ...(element ? { element: { name: element } } : {}) })
      }
    }
    return oids.map((oid) => this.#types.get(oid) ?? { name: 'unknown' })
  }
}
