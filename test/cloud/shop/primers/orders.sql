-- The orders of a customer.
-- kck: parameters: { customer: int }, softTtl: 1h
select id, amount from orders where customer = :customer order by id
