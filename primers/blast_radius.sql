-- If a maintainer breaks one package: how many others stop working with it? The worst first. One of the expensive ones:
-- it walks the graph upwards from every package of the maintainer.
-- kck: parameters: { maintainer_id: int }, softTtl: 6h, hardTtl: 7d, timeout: 1m
with recursive affected (origin, name) as (
  select name, name from package where maintainer_id = :maintainer_id
  union
  select affected.origin, depends.package from affected join depends on depends.depends_on = affected.name
)
select origin as name, count(*)::int - 1 as dependents
from affected
group by origin
order by dependents desc, origin
limit 20
