-- The same write, which says whose order it was: so only that customer's product becomes stale.
-- kck: key: { customer_id: int }, body: { order_id: int, status: string }, source: main
-- kck: changes: [recent_orders/:customer_id]
update orders set status = :status where order_id = :order_id returning customer_id
