-- What a month moved, as an office settles it (ledger/settlement/movement.py). Read as 0052 has it: the partners first, then
-- the tables of the books alone, each bucket by itself.

-- The partners of a programme that the reader may see.
create function office.partners_of(p_programme smallint) returns bigint[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select array(select p.id::bigint from registry.partner p
    where p.programme = p_programme and p.programme = any (coalesce(office.programmes(), array[p.programme])))
$$;

-- By partner, day and version of the rules. Points and discounts are what stands in postings; how often, and of what, is what
-- stands in the journal. What is undone is looked up row by row: a month names few sales, and the journal has all there ever were.
create function office.moved_v1(p_programme smallint, p_first bigint, p_through bigint, p_zone text)
returns table (partner int, day date, origin text, version int, earns int, issued bigint, redemptions int, redeemed bigint,
  rebates_grosze bigint, uses int, discounts_grosze bigint, refunds int, reversals int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_partners constant bigint[] := office.partners_of(p_programme);
  v_buckets constant int[] := office.buckets();
begin
  return query
  with leg as (
    select p.bucket, p.transaction_id, s.account >> 3 as partner,
        sum(case when s.account & 7 = 1 then -s.n else 0 end) as issued,
        sum(case when s.account & 7 = 2 then s.n else 0 end) as redeemed,
        sum(case when s.account & 7 = 5 then -s.n else 0 end) as discount
      from ledger.posting p
      cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as s(account, n)
      where p.bucket = any (v_buckets) and p.transaction_id between p_first and p_through
        and ((p.unit = 0 and s.account & 7 in (1, 2)) or (p.unit = 2 and s.account & 7 = 5))
      group by 1, 2, 3
  ), entry as (
    select j.bucket, j.transaction_id, j.kind, j.rules_version, j.amount_grosze, j.counter_account >> 3 as partner,
        case when j.original_stan > 0 then (
          select array[o.kind, o.amount_grosze, o.rules_version, o.transaction_id] from ledger.journal o
            where o.bucket = j.bucket and o.terminal = coalesce(j.original_terminal, j.terminal)
              and o.stan = j.original_stan) end as undone
      from ledger.journal j
      where j.bucket = any (v_buckets) and j.transaction_id between p_first and p_through and j.code = 0
        and j.kind not in (0, 7)
  ), moved as (
    select coalesce(l.partner, e.partner) as partner, coalesce(l.transaction_id, e.transaction_id) as id,
        e.kind, e.amount_grosze, e.undone[1] as original_kind, e.undone[2] as original_grosze,
        coalesce(e.undone[3], e.rules_version, 0) as version,
        case when e.undone[4] < p_first then e.undone[4] end as undone_id,
        coalesce(l.issued, 0) as issued, coalesce(l.redeemed, 0) as redeemed, coalesce(l.discount, 0) as discount
      from entry e full join leg l on l.bucket = e.bucket and l.transaction_id = e.transaction_id
  )
  select n.partner::int, (to_timestamp((n.id >> 22) / 1000.0) at time zone p_zone)::date,
      coalesce(to_char(to_timestamp((n.undone_id >> 22) / 1000.0) at time zone p_zone, 'YYYY-MM'), ''), n.version::int,
      count(*) filter (where n.kind in (1, 2))::int, sum(n.issued)::bigint,
      count(*) filter (where n.kind = 3)::int, sum(n.redeemed)::bigint,
      sum(case when n.redeemed = 0 then 0 when n.kind = 3 then n.amount_grosze
          when n.original_kind = 3 then -n.original_grosze else 0 end)::bigint,
      count(*) filter (where n.kind in (8, 9))::int, sum(n.discount)::bigint,
      count(*) filter (where n.kind = 10)::int, count(*) filter (where n.kind = 4)::int
    from moved n where n.partner = any (v_partners)
    group by 1, 2, 3, 4 order by 1, 2, 3, 4;
end
$$;

-- Whether points of a programme's partners moved before an id.
create function office.moved_before_v1(p_programme smallint, p_id bigint) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_partners constant bigint[] := office.partners_of(p_programme);
  v_buckets constant int[] := office.buckets();
begin
  perform 1 from ledger.posting p
    where p.bucket = any (v_buckets) and p.transaction_id < p_id and p.unit = 0
      and (p.debit & 7 in (1, 2) and p.debit >> 3 = any (v_partners)
        or p.credit & 7 in (1, 2) and p.credit >> 3 = any (v_partners))
    limit 1;
  return found;
end
$$;

revoke all on function office.partners_of, office.moved_v1, office.moved_before_v1 from public;
grant execute on function office.moved_v1, office.moved_before_v1 to cityswitch_service, cityswitch_programme;
