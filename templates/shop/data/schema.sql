create table customers (
  id integer primary key generated always as identity,
  name text not null
);

create table orders (
  id integer primary key generated always as identity,
  customer_id integer not null references customers,
  amount_cents integer not null check (amount_cents > 0),
  status text not null default 'new' check (status in ('new', 'paid', 'sent')),
  created_at timestamptz not null default now()
);

create index on orders (customer_id);

insert into customers (name) values ('Ada'), ('Grace'), ('Edsger');
insert into orders (customer_id, amount_cents) values (1, 1250), (1, 9900), (2, 4200);
