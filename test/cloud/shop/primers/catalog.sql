-- There from the first moment of a deployment.
-- kck: atBoot: true, primeOnMiss: false
select id, stock from item order by id
