-- What was sold when the day ended.
-- kck: cron: 0 3 * * *, primeOnMiss: false, result: row
select count(*)::int as orders, clock_timestamp()::text as at from orders
