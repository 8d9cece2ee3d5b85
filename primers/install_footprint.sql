-- What is on the disk after "apt install" of one package on an empty system: itself and everything it needs, however
-- indirectly.
-- kck: parameters: { name: string }, result: row, softTtl: 1h, hardTtl: 7d
-- kck: afterUpdates: [package_version/:name, package_depends/:name]
with recursive needed (name) as (
  select name from package where name = :name
  union
  select depends.depends_on from needed join depends on depends.package = needed.name
)
select
  count(*)::int as packages,
  coalesce(sum(installed_kib), 0)::bigint as installed_kib,
  coalesce(sum(size_bytes), 0)::bigint as download_bytes
from needed
join package using (name)
