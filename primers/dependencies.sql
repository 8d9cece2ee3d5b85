-- What a package needs directly. The version is null for a name that only other packages provide.
-- kck: parameters: { name: string }, softTtl: 1d, afterUpdates: [package_depends/:name]
select depends.depends_on as name, package.version
from depends
left join package on package.name = depends.depends_on
where depends.package = :name
order by 1
