-- The customers who ordered lately.
-- kck: softTtl: 1h, cron: "0 3 * * 1-5", timeZone: Europe/Berlin, atBoot: true, replicate: true
select customer_id from orders group by customer_id order by customer_id
