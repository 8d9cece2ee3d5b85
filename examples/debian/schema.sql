-- The Debian 12 package index (bookworm, amd64, main): what is in it, and what needs what.

create table package (
  name text not null,
  version text not null,
  section text not null,
  maintainer_id int not null,
  -- The source package it is built from: one source often gives several packages.
  source text not null,
  installed_kib int not null,
  size_bytes bigint not null,
  -- Of the last update since Debian 12 was released; null: none.
  updated_at timestamptz
);

-- The first alternative of each dependency. `depends_on` may also be a name that other packages provide ("awk"), so it
-- references nothing.
create table depends (
  package text not null,
  depends_on text not null
);
