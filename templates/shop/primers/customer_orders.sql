-- kck: parameters: { customer_id: int }, softTtl: 1h
-- The orders of one customer, the newest first.
select id, amount_cents, status, created_at from orders where customer_id = :customer_id order by id desc
