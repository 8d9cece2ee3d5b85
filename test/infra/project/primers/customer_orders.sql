-- kck: parameters: { customer_id: int }, softTtl: 5m, every: 15m, over: active_customers
select id, amount from orders where customer_id = :customer_id order by id
