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

-- The highest mark of all buckets, where whoever gives ids looks: it must not depend on the server of any bucket (Citus).
create table registry.closed_ids (
  through bigint not null,
  one     boolean primary key default true check (one)
);
insert into registry.closed_ids (through) values (0);
grant select on registry.closed_ids to cityswitch_service;

create function registry.note_closed_v1(p_through bigint) returns void
language sql volatile set search_path = pg_catalog, pg_temp as $$
  update registry.closed_ids set through = p_through where through < p_through
$$;
revoke all on function registry.note_closed_v1 from public;

-- First of all in a batch, so that its snapshot is younger than the transaction: either it sees what is closed, or
-- whoever closed it sees the transaction and waits for it.
create function ledger.refuse_closed_v1(p_bucket int, p_transaction_ids bigint[]) returns void
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  if exists (select from ledger.rollup_mark m where m.bucket = p_bucket and m.closing >= any (p_transaction_ids)) then
    raise exception 'ids of bucket % are closed up to a mark: number anew, above it', p_bucket using errcode = 'CS001';
  end if;
end
$$;
revoke all on function ledger.refuse_closed_v1 from public;
grant execute on function ledger.refuse_closed_v1 to cityswitch_service;
