-- The packages of one maintainer (the index of this example has numbers in place of names).
-- kck: parameters: { maintainer_id: int }, softTtl: 1d
select name, version, section, installed_kib
from package
where maintainer_id = :maintainer_id
order by name
