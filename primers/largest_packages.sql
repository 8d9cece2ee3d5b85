-- The largest packages, by what they take on the disk or by what must be downloaded.
-- kck: parameters: { by: [installed, download], libraries: boolean, count: int }, softTtl: 1d
select name, section, installed_kib, size_bytes
from package
where :libraries or section not in ('libs', 'libdevel')
order by case :by when 'installed' then installed_kib * 1024::bigint else size_bytes end desc, name
limit least(:count, 1000)
