import { primer, string } from 'kck'

/** Everything that would stop working without a package, however indirectly: 25,150 packages for libssl3. */
export const allDependents = primer({
  name: 'all_dependents',
  description: 'Everything that needs a package, however indirectly, counted by section.',
  parameters: { name: string() },
  softTtl: '6h',
  hardTtl: '7d',
  sql: `
    with recursive dependent (name) as (
      select package from depends where depends_on = :name
      union
      select depends.package from dependent join depends on depends.depends_on = dependent.name
    )
    select name, section
    from dependent
    join package using (name)
    order by name`,
  compute({ rows }: { rows: { name: string; section: string }[] }) {
    const sections: Record<string, number> = {}
    for (const { section } of rows) sections[section] = (sections[section] ?? 0) + 1
    return { packages: rows.length, sections, names: rows.map(({ name }) => name) }
  },
})
