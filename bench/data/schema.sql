-- What the benchmarks read and write: 6,000 customers, 500 products and 200,988 orders, 20 to 47 for each customer. The
-- orders of a customer are 3.7 KB of JSON on average. Only the customer of an order is indexed, so that the statistics
-- of a product take a scan of all orders (15 to 20 ms).
create table customers (customer_id int primary key, name text not null, country text not null);
create table products (product_id int primary key, name text not null, price numeric(10, 2) not null);
create table orders (
  order_id int primary key,
  customer_id int not null references customers,
  product_id int not null references products,
  qty int not null,
  status text not null,
  ordered_at date not null
);

insert into customers
select c, 'Customer ' || c, (array['US', 'DE', 'FR', 'BR', 'JP'])[1 + c % 5]
from generate_series(1, 6000) c;

insert into products
select p, 'Product ' || lpad(p::text, 4, '0'), ((p * 7919) % 9973) / 100.0 + 1
from generate_series(1, 500) p;

insert into orders
select row_number() over (), c, 1 + ((c * 31 + n * 17) % 500), 1 + ((c + n) % 9),
  (array['new', 'paid', 'shipped', 'returned'])[1 + (c * n) % 4], date '2024-01-01' + ((c * 13 + n * 29) % 700)
from generate_series(1, 6000) c, lateral generate_series(1, 20 + (c * 2654435761::bigint % 28)::int) n;

create index orders_of_customer on orders (customer_id);
create extension if not exists pg_stat_statements;
analyze;
