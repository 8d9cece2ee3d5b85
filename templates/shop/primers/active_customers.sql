-- kck: softTtl: 1d
-- Who has ordered: the parameters of the products that are kept warm.
select distinct customer_id from orders order by customer_id
