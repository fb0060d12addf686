-- The two steps of rolling up partner balances, for the service: it may take them, and may not write the tables. The
-- caller (ledger/books/rollup.py) waits in between until every transaction that runs has ended.

-- Close a bucket's ids up to p_wished, but no more than are there: a clock that runs ahead must not close what will
-- come. Returns up to which they are closed now; null: nothing was posted yet.
create function ledger.close_ids_v1(p_bucket int, p_wished bigint) returns bigint
language plpgsql volatile security definer set search_path = ledger, pg_temp as $$
declare
  v_newest bigint;
  v_closing bigint;
begin
  perform pg_advisory_xact_lock(1667854707, 2);
  select p.transaction_id into v_newest from ledger.posting p
    where p.bucket = p_bucket order by p.transaction_id desc limit 1;
  if v_newest is null then
    return null;
  end if;
  insert into ledger.rollup_mark as m (bucket, through, closing)
    values (p_bucket, 0, least(p_wished, v_newest))
    on conflict (bucket) do update set closing = greatest(m.closing, excluded.closing)
    returning m.closing into v_closing;
  perform registry.note_closed_v1(v_closing);
  return v_closing;
end
$$;

-- Add what was posted above the mark and up to p_closing, which has been closed, and move the mark.
create function ledger.roll_up_v1(p_bucket int, p_closing bigint) returns void
language plpgsql volatile security definer set search_path = ledger, pg_temp as $$
declare
  v_through bigint;
begin
  perform pg_advisory_xact_lock(1667854707, 2);
  select m.through into v_through from ledger.rollup_mark m where m.bucket = p_bucket and m.closing >= p_closing;
  if v_through is null or v_through >= p_closing then
    return;
  end if;
  insert into ledger.rollup as r (bucket, account, balance)
    select p_bucket, side.account, sum(side.points)::bigint
      from ledger.posting p
      cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as side(account, points)
      where p.bucket = p_bucket and p.transaction_id > v_through and p.transaction_id <= p_closing
        -- Not the side of a use that is a quota: its owner's account in points is another.
        and side.account & 7 <> 0 and (p.unit <> 1 or side.account & 7 = 4)
      group by side.account
    on conflict (bucket, account) do update set balance = r.balance + excluded.balance;
  update ledger.rollup_mark set through = p_closing where bucket = p_bucket;
end
$$;

revoke all on function ledger.close_ids_v1, ledger.roll_up_v1 from public;
grant execute on function ledger.close_ids_v1, ledger.roll_up_v1 to cityswitch_service;
