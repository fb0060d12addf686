-- What is reserved of the transaction ids of each node number (ledger/books/node.py): ids of milliseconds below
-- reserved_ms may have been given, by whoever had the number. It only ever grows. No trigger: nobody follows it.
create table registry.node (
  number      smallint primary key check (number between 0 and 1023),
  reserved_ms bigint not null
) with (fillfactor = 50);
grant select, insert, update on registry.node to cityswitch_service;

-- Rolling up closes a range of ids before it sums it (ledger/books/rollup.py): from then on nothing may be posted with
-- an id at or below `closing`. null: nothing was closed yet.
alter table ledger.rollup_mark add column closing bigint;
