-- Quotas of the rows that go one by one, and the shares of wide ones. Order of locks: see 0003.

-- The share of one bucket in a limit, before any of it was moved. Over all buckets they come to the limit.
create function ledger.share_v1(p_allowed int, p_bucket int, p_buckets int) returns int
language sql immutable parallel safe as $$
  select p_allowed / p_buckets + (p_bucket < p_allowed % p_buckets)::int
$$;

-- What is left of the tightest of these quotas in this bucket.
create function ledger.rest_v1(p_bucket int, p_buckets int, p_uses ledger.use_v1[]) returns int
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_rest int;
begin
  select min(case when u.owner & 7 = 0 then u.allowed else ledger.share_v1(u.allowed, p_bucket, p_buckets) end
             + coalesce(q.moved, 0) + coalesce(q.balance, 0)) into v_rest
    from unnest(p_uses) u
    left join lateral (select q.balance, q.moved from ledger.quota q
      where q.bucket = p_bucket and q.period = u.period and q.quota = u.quota and q.owner = u.owner limit 1) q on true;
  return v_rest;
end
$$;

-- First of all of a call that may wait: the wide quotas of its rows, own and originals', made where there are none and locked.
create function ledger.lock_quotas_v1(p_bucket int, p_requests ledger.request_v1[]) returns void
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  insert into ledger.quota (bucket, period, quota, allowed, owner, balance)
    select distinct on (u.period, u.quota, u.owner) p_bucket, u.period, u.quota, u.allowed, u.owner, 0
      from unnest(p_requests) r cross join lateral unnest(r.uses) u
      where r.journalled and u.owner & 7 <> 0
      order by u.period, u.quota, u.owner
    on conflict (bucket, period, quota, owner) do nothing;
  perform from (
    select u.period, u.quota, u.owner from unnest(p_requests) r cross join lateral unnest(r.uses) u
      where r.journalled and u.owner & 7 <> 0
    union
    select (p.quota_period & 4294967295)::int, (p.quota_period >> 32)::int, p.debit
      from unnest(p_requests) r
      cross join lateral (select j.transaction_id, j.remaining from ledger.journal j
        where r.original_stan <> 0 and r.journalled and j.bucket = p_bucket
          and j.terminal = coalesce(r.original_terminal, r.terminal) and j.stan = r.original_stan limit 1) o
      cross join lateral (select p.quota_period, p.debit from ledger.posting p
        where o.remaining is not null and p.bucket = p_bucket and p.transaction_id = o.transaction_id and p.unit = 1
          and p.debit & 7 not in (0, 4) limit 64) p
    order by 1, 2, 3) k
    cross join lateral (select from ledger.quota q
      where q.bucket = p_bucket and q.period = k.period and q.quota = k.quota and q.owner = k.owner
      for no key update) q;
end
$$;

-- Sees to it that the quotas of these legs are there and ours, without waiting; false if a wide one is not.
create function ledger.hold_quotas_v1(p_bucket int, p_legs ledger.leg_v1[]) returns boolean
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_owner bigint;
  v ledger.leg_v1;
begin
  if p_legs is null then
    return true;
  end if;
  foreach v in array p_legs loop
    continue when v.quota_period is null;
    v_owner := case when v.debit & 7 = 4 then v.credit else v.debit end;
    if v_owner & 7 = 0 then
      insert into ledger.quota (bucket, period, quota, allowed, owner, balance)
        values (p_bucket, (v.quota_period & 4294967295)::int, (v.quota_period >> 32)::int, coalesce(v.allowed, 0), v_owner, 0)
        on conflict (bucket, period, quota, owner) do nothing;
    else
      perform from ledger.quota q
        where q.bucket = p_bucket and q.period = (v.quota_period & 4294967295)::int
          and q.quota = (v.quota_period >> 32)::int and q.owner = v_owner
        for no key update skip locked;
      if not found then
        return false;
      end if;
    end if;
  end loop;
  return true;
end
$$;

-- Moves the balances of the quotas that these legs name; returns what is left of the tightest then (null: they name none),
-- by the limit that each was last judged by.
create function ledger.move_quotas_v1(p_bucket int, p_buckets int, p_legs ledger.leg_v1[]) returns int
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_is_given_back boolean;
  v_quota ledger.quota;
  v_rest int;
  v ledger.leg_v1;
begin
  if p_legs is null then
    return null;
  end if;
  foreach v in array p_legs loop
    continue when v.quota_period is null;
    v_is_given_back := v.debit & 7 = 4;
    update ledger.quota q
      set balance = q.balance + case when v_is_given_back then v.points else -v.points end,
          allowed = coalesce(v.allowed, q.allowed)
      where q.bucket = p_bucket and q.period = (v.quota_period & 4294967295)::int
        and q.quota = (v.quota_period >> 32)::int
        and q.owner = case when v_is_given_back then v.credit else v.debit end
      returning * into v_quota;
    if not found then
      raise exception 'quota % of bucket % has no row', v, p_bucket;
    end if;
    v_rest := least(v_rest, greatest(v_quota.moved + v_quota.balance
      + case when v_quota.owner & 7 = 0 then v_quota.allowed
             else ledger.share_v1(v_quota.allowed, p_bucket, p_buckets) end, 0));
  end loop;
  return v_rest;
end
$$;

-- Somebody was refused here: what the other buckets have left is to be had from them (give_share_v1, take_share_v1).
create function ledger.tell_short_v1(p_bucket int, p_buckets int, p_uses ledger.use_v1[]) returns void
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  u ledger.use_v1;
begin
  foreach u in array p_uses loop
    if u.owner & 7 <> 0 then
      update ledger.quota q set is_short = true, allowed = greatest(q.allowed, u.allowed)
        where q.bucket = p_bucket and q.period = u.period and q.quota = u.quota and q.owner = u.owner
          and not q.is_short and ledger.share_v1(u.allowed, p_bucket, p_buckets) + q.moved + q.balance < 1;
    end if;
  end loop;
end
$$;

-- Takes half of what is left (rounded up) off the share of a bucket, for another; returns the number of the move, null if
-- nothing is left. From here on it belongs to nobody, until take_share_v1 gives it to the taker.
create function ledger.give_share_v1(
  p_bucket int, p_buckets int, p_taker int, p_owner bigint, p_period int, p_quota int, p_allowed int,
  out number int, out uses int
) language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_quota ledger.quota;
begin
  insert into ledger.quota (bucket, period, quota, allowed, owner, balance)
    values (p_bucket, p_period, p_quota, p_allowed, p_owner, 0)
    on conflict (bucket, period, quota, owner) do nothing;
  select * into v_quota from ledger.quota q
    where q.bucket = p_bucket and q.period = p_period and q.quota = p_quota and q.owner = p_owner
    for no key update;
  uses := (ledger.share_v1(v_quota.allowed, p_bucket, p_buckets) + v_quota.moved + v_quota.balance + 1) / 2;
  if uses < 1 then
    return;
  end if;
  select coalesce(max(m.number), 0) + 1 into number from ledger.share_move m
    where m.bucket = p_bucket and m.period = p_period and m.quota = p_quota and m.owner = p_owner and m.giver = p_bucket;
  insert into ledger.share_move (bucket, giver, taker, owner, period, quota, number, uses)
    values (p_bucket, p_bucket, p_taker, p_owner, p_period, p_quota, number, uses);
  update ledger.quota q set moved = q.moved - uses
    where q.bucket = p_bucket and q.period = p_period and q.quota = p_quota and q.owner = p_owner;
end
$$;

-- In the taker's bucket: adds a move to its share, once however often it is called.
create function ledger.take_share_v1(
  p_bucket int, p_giver int, p_owner bigint, p_period int, p_quota int, p_allowed int, p_number int, p_uses int
) returns void language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  insert into ledger.share_move (bucket, giver, taker, owner, period, quota, number, uses, is_taken)
    values (p_bucket, p_giver, p_bucket, p_owner, p_period, p_quota, p_number, p_uses, true)
    on conflict do nothing;
  if found then
    insert into ledger.quota as q (bucket, period, quota, allowed, owner, balance, moved)
      values (p_bucket, p_period, p_quota, p_allowed, p_owner, 0, p_uses)
      on conflict (bucket, period, quota, owner) do update set moved = q.moved + p_uses, is_short = false;
  end if;
end
$$;

do $$
declare f text;
begin
  for f in select p.oid::regprocedure::text from pg_proc p
      where p.pronamespace = 'ledger'::regnamespace and p.proname like '%\_v1' loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to cityswitch_service', f);
  end loop;
end
$$;
