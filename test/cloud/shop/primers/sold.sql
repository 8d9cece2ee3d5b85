-- What was sold until now: computed at its times and by nobody's question.
-- kck: every: 10s, primeOnMiss: false, result: row
select count(*)::int as orders, clock_timestamp()::text as at from orders
