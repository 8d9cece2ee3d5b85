-- What every machine has at hand.
-- kck: parameters: { item: int }, afterUpdates: [stock/:item], result: value, replicate: true
select stock * 6 from item where id = :item
