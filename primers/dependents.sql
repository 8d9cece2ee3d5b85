-- The packages that need this one directly.
-- kck: parameters: { name: string }, softTtl: 1d
select package as name
from depends
where depends_on = :name
order by 1
