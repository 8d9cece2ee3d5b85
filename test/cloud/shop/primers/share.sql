-- What cannot be computed while there is nothing in stock.
-- kck: parameters: { item: int }, afterUpdates: [stock/:item], result: value
select 100 / stock from item where id = :item
