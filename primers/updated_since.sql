-- What was updated on a day or later, the newest first.
-- kck: parameters: { day: date }, softTtl: 1m
select name, version, section, updated_at
from package
where updated_at >= :day
order by updated_at desc, name
limit 1000
