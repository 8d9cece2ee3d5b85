-- A new order.
-- kck: key: { customer: int }, body: { amount: float }
insert into orders (customer, amount) values (:customer, :amount) returning id
