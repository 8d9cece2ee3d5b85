create table orders (id int generated always as identity primary key, customer int not null, amount numeric not null);
create table item (id int primary key, stock int not null);
insert into orders (customer, amount) select n % 10, n * 1.5 from generate_series(1, 100) n;
insert into item select n, n from generate_series(1, 10) n;
