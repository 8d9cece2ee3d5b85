import { string, updater } from 'kck'
import * as z from 'zod/mini'

/** What a package needs, as a whole. A transaction: nobody sees half of the list. */
export const packageDepends = updater({
  name: 'package_depends',
  description: 'Replaces what a package needs directly.',
  key: { name: string() },
  body: z.object({ depends_on: z.array(z.string().check(z.minLength(1), z.maxLength(200))).check(z.maxLength(1000)) }),
  async run({ key, body, sql, changed }) {
    const { name, depends_on } = { ...key, ...body }
    const removed = await sql<{ name: string }>(
      `delete from depends where package = :name and depends_on <> all (:depends_on::text[]) returning depends_on as name`,
      { name, depends_on },
    )
    const added = await sql<{ name: string }>(
      `insert into depends (package, depends_on) select :name, unnest(:depends_on::text[])
      on conflict do nothing returning depends_on as name`,
      { name, depends_on },
    )
    for (const other of [...removed, ...added]) changed({ key: `dependents/${encodeURIComponent(other.name)}` })
    return { added: added.length, removed: removed.length }
  },
})
