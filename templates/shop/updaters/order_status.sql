-- kck: key: { id: int }, body: { status: string }
update orders set status = :status where id = :id returning id, customer_id, status
