-- One package, or null where there is none of that name.
-- kck: parameters: { name: string }, result: row, softTtl: 1d, afterUpdates: [package_version/:name, package_section/:name]
select name, version, section, maintainer_id, source, installed_kib, size_bytes, updated_at
from package
where name = :name
