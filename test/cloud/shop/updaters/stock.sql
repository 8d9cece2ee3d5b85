-- How much there is of an item.
-- kck: key: { item: int }, body: { stock: int }
update item set stock = :stock where id = :item returning id
