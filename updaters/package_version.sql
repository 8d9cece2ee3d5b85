-- A new version of a package is in the archive.
-- kck: key: { name: string }, body: { version: string, installed_kib: int, size_bytes: int }
-- kck: changes: [section_packages/:section, maintainer_packages/:maintainer_id]
update package
set version = :version, installed_kib = :installed_kib, size_bytes = :size_bytes, updated_at = now()
where name = :name
returning name, section, maintainer_id
