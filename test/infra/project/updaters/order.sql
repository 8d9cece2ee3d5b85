-- kck: key: { id: int }, body: { amount: int }
update orders set amount = :amount where id = :id
