-- Reads of several buckets. Each statement is about one bucket, or about tables of this schema alone: where these lie on several
-- servers (Citus), a join with a table of the registry, or a look into each bucket from the outside, cannot be planned.

-- The highest STAN that a terminal has used, 0 if there is none: its newest id by a primary key, however many it has. With more
-- than one bucket its ids are in the bucket of the terminal (ledger.claim), so no other is asked, nor the server that has it.
-- A tombstone is no use: whoever named it may have mistyped it.
create function ledger.last_stan_v1(p_buckets int, p_terminal int) returns int
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_home constant int := ledger.bucket_of(p_terminal::bigint << 3, p_buckets);
  v_stan int;
begin
  if p_buckets = 1 then
    select j.stan into v_stan from ledger.journal j
      where j.bucket = 0 and j.terminal = p_terminal and j.digest is not null order by j.stan desc limit 1;
  else
    select c.stan into v_stan from ledger.claim c
      where c.bucket = v_home and c.terminal = p_terminal and c.digest is not null order by c.stan desc limit 1;
  end if;
  return coalesce(v_stan, 0);
end
$$;

-- What is left of quotas, in the order given: of a card's in its bucket, of a wide one in all buckets together. One statement
-- looks for all of them, however many; on several servers it goes to those alone that have a bucket of them.
create function ledger.uses_left_v1(p_buckets int, p_owners bigint[], p_quotas int[], p_periods int[], p_allowed int[])
returns setof int language plpgsql stable set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_all constant int[] := array(select generate_series(0, p_buckets - 1));
  v_homes int[];    -- of each place to look at: its bucket, the number of the quota, the quota
  v_numbers int[];
  v_periods int[];
  v_quotas int[];
  v_owners bigint[];
  v_named int[];
  v_found record;
begin
  select array_agg(h.bucket), array_agg(l.number), array_agg(l.period), array_agg(l.quota), array_agg(l.owner),
      array_agg(distinct h.bucket)
    into v_homes, v_numbers, v_periods, v_quotas, v_owners, v_named
    from unnest(p_owners, p_quotas, p_periods) with ordinality l(owner, quota, period, number)
    cross join lateral unnest(case when l.owner & 7 = 0 then array[ledger.bucket_of(l.owner, p_buckets)] else v_all end) h(bucket);
  for v_found in
    select l.number, q.balance
      from unnest(v_homes, v_numbers, v_periods, v_quotas, v_owners) l(bucket, number, period, quota, owner)
      -- Each by its key: an equation might be hashed, and a shard read whole.
      join ledger.quota q on q.bucket = any (array[l.bucket]) and q.period = any (array[l.period])
        and q.quota = any (array[l.quota]) and q.owner = any (array[l.owner])
      where q.bucket = any (v_named)
  loop
    p_allowed[v_found.number] := p_allowed[v_found.number] + v_found.balance;
  end loop;
  return query select greatest(a.uses, 0) from unnest(p_allowed) a(uses);
end
$$;

-- Postings with ids from one until before another, of each bucket the first ones and no more than so many.
create function ledger.postings_between_v1(p_buckets int, p_from bigint, p_until bigint, p_rows int)
returns table (bucket int, transaction_id bigint, unit smallint, debit bigint, credit bigint, points bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  for v_bucket in 0..p_buckets - 1 loop
    return query select p.bucket, p.transaction_id, p.unit, p.debit, p.credit, p.points from ledger.posting p
      where p.bucket = v_bucket and p.transaction_id >= p_from and p.transaction_id < p_until
      order by p.transaction_id limit p_rows;
  end loop;
end
$$;

-- What accounts of partners and organisers come to: what was rolled up, and of each bucket so many postings since.
create function ledger.sums_v1(p_buckets int, p_accounts bigint[], p_rows int) returns table (account bigint, points bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_all constant int[] := array(select generate_series(0, p_buckets - 1));
  v_through bigint;
begin
  return query select r.account, sum(r.balance)::bigint from ledger.rollup r
    where r.bucket = any (v_all) and r.account = any (p_accounts) group by r.account;
  for v_bucket in 0..p_buckets - 1 loop
    v_through := (select m.through from ledger.rollup_mark m where m.bucket = v_bucket);
    return query
      select side.account, sum(side.points)::bigint
        from (select t.debit, t.credit, t.points, t.unit from ledger.posting t
          where t.bucket = v_bucket and t.transaction_id > coalesce(v_through, 0)
          order by t.transaction_id limit p_rows) t
        cross join lateral (values (t.debit, -t.points), (t.credit, t.points)) as side(account, points)
        where side.account & 7 in (1, 2, 3, 4, 5) and (t.unit <> 1 or side.account & 7 = 4)
        group by side.account;
  end loop;
end
$$;

-- Quotas of these owners in one of these periods, over all buckets.
create function ledger.wide_quotas_v1(p_buckets int, p_owners bigint[], p_periods int[])
returns table (owner bigint, quota int, period int, used bigint, allowed int)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_all constant int[] := array(select generate_series(0, p_buckets - 1));
begin
  return query select q.owner, q.quota, q.period, -sum(q.balance), max(q.allowed) from ledger.quota q
    where q.bucket = any (v_all) and q.owner = any (p_owners) and q.owner & 7 = 3 and q.period = any (p_periods)
    group by 1, 2, 3;
end
$$;

-- Which of these accounts are not there.
create function ledger.missing_accounts_v1(p_buckets int, p_accounts bigint[]) returns setof bigint
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  for v_bucket in 0..p_buckets - 1 loop
    return query
      select w.id from unnest(p_accounts) as w(id)
        left join lateral (select a.id from ledger.account a where a.bucket = v_bucket and a.id = w.id limit 1) a on true
        where ledger.bucket_of(w.id, p_buckets) = v_bucket and a.id is null;
  end loop;
end
$$;

do $$
declare f text;
begin
  for f in select p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'ledger'::regnamespace
    and p.proname in ('last_stan_v1', 'uses_left_v1', 'postings_between_v1', 'sums_v1', 'wide_quotas_v1', 'missing_accounts_v1')
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to cityswitch_service', f);
  end loop;
end
$$;
