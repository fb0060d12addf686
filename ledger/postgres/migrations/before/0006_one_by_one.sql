-- One row of a batch under every rule, for those that post_batch_v1 (0003) does not enter together. See there for the order
-- of locks: what a row touches is locked, or the row is left (null) for the caller to send again.

-- One leg beside the points. quota_period and allowed: of uses.
create type ledger.leg_v1 as (
  debit bigint, credit bigint, points bigint, unit smallint, quota_period bigint, allowed int
);

create function ledger.stored_v1(p_n int, j ledger.journal) returns ledger.outcome_v1
language sql immutable parallel safe as $$
  select (p_n, j.code, j.transaction_id, j.points, j.balance, j.amount_grosze, j.accepted_at_ms, j.rules_version,
          j.kind, j.counter_account, j.original_stan, j.last4, true, j.details, j.step_grosze, j.offer,
          j.discount_grosze, j.original_terminal, j.remaining, null)::ledger.outcome_v1
$$;

-- What is told of a request that leaves no row.
create function ledger.unstored_v1(
  r ledger.request_v1, p_code int, p_balance bigint, p_points bigint = 0, p_remaining int = null
) returns ledger.outcome_v1 language sql immutable parallel safe as $$
  select (r.n, p_code, 0, p_points, p_balance, r.amount_grosze, r.accepted_at_ms, r.rules_version, r.kind,
          r.counter_account, r.original_stan, r.last4, false, r.details, r.step_grosze, r.offer,
          r.discount_grosze, r.original_terminal, p_remaining, null)::ledger.outcome_v1
$$;

create function ledger.journal_row_v1(p_bucket int, p_terminal int, p_stan int) returns ledger.journal
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_row ledger.journal;
begin
  select * into v_row from ledger.journal j
    where j.bucket = p_bucket and j.terminal = p_terminal and j.stan = p_stan;
  return v_row;
end
$$;

-- Locks the accounts that the rows may touch and returns their ids; without p_may_wait only those that are free.
create function ledger.lock_v1(p_bucket int, p_requests ledger.request_v1[], p_may_wait boolean) returns bigint[]
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_accounts bigint[];
begin
  select array_agg(distinct x.account) into v_accounts from (
    select r.account from unnest(p_requests) r where r.account > 0
    union all
    select o.account from unnest(p_requests) r cross join lateral (
      select j.account from ledger.journal j
        where r.original_stan <> 0 and j.bucket = p_bucket and j.terminal = coalesce(r.original_terminal, r.terminal)
          and j.stan = r.original_stan
        limit 1) o
      where o.account > 0) x;
  if p_may_wait then
    return array(select a.id from ledger.account a where a.bucket = p_bucket and a.id = any (v_accounts)
                 order by a.id for no key update);
  end if;
  return array(select a.id from ledger.account a where a.bucket = p_bucket and a.id = any (v_accounts)
               order by a.id for no key update skip locked);
end
$$;

-- Enters one row: journal, points, balance, the legs beside the points, and that its original is reversed. Returns what
-- it stored. p_account: 0, or an account of this bucket that is locked. p_remaining: what the quotas of the legs came to.
create function ledger.enter_v1(
  p_bucket int, r ledger.request_v1, p_account bigint, p_code int, p_points bigint, p_is_reversal boolean = false,
  p_legs ledger.leg_v1[] = null, p_remaining int = null
) returns ledger.outcome_v1 language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_account ledger.account;
begin
  if p_account > 0 then
    update ledger.account a set balance = a.balance + p_points, last_terminal = r.terminal, last_stan = r.stan,
        previous_balance = a.balance, previous_terminal = a.last_terminal, previous_stan = a.last_stan
      where a.bucket = p_bucket and a.id = p_account
      returning * into v_account;
  end if;
  insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account, counter_account,
      points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, registry_number, rules_version,
      previous_terminal, previous_stan, kind, code, last4, details, step_grosze, offer, remaining, original_terminal,
      discount_grosze, tier, basis)
    values (p_bucket, r.terminal, r.stan, r.original_stan, r.transaction_id, coalesce(v_account.id, 0),
      r.counter_account, p_points, coalesce(v_account.balance, 0), r.amount_grosze, r.digest, r.accepted_at_ms,
      r.terminal_time, r.registry_number, r.rules_version, coalesce(v_account.previous_terminal, 0),
      coalesce(v_account.previous_stan, 0), r.kind, p_code, r.last4, r.details, r.step_grosze, r.offer, p_remaining,
      r.original_terminal, r.discount_grosze, r.tier, r.basis);
  if p_points <> 0 then
    insert into ledger.posting (bucket, leg, unit, transaction_id, debit, credit, points)
      values (p_bucket, 1, 0, r.transaction_id,
        case when p_points > 0 then r.counter_account else p_account end,
        case when p_points > 0 then p_account else r.counter_account end, abs(p_points));
  end if;
  if p_legs is not null then
    insert into ledger.posting (bucket, leg, unit, transaction_id, debit, credit, points, quota_period)
      select p_bucket, 1 + l.place, l.unit, r.transaction_id, l.debit, l.credit, l.points, l.quota_period
        from unnest(p_legs) with ordinality as l(debit, credit, points, unit, quota_period, allowed, place);
  end if;
  if p_is_reversal then
    insert into ledger.reversal (bucket, terminal, original_stan, stan)
      values (p_bucket, r.terminal, r.original_stan, r.stan);
  end if;
  return (r.n, p_code, r.transaction_id, p_points, coalesce(v_account.balance, 0), r.amount_grosze, r.accepted_at_ms,
          r.rules_version, r.kind, r.counter_account, r.original_stan, r.last4, false, r.details, r.step_grosze, r.offer,
          r.discount_grosze, r.original_terminal, p_remaining, null)::ledger.outcome_v1;
end
$$;

-- The legs that a request of its own has beside its points: the discount that its partner gives, and its uses.
create function ledger.own_legs_v1(r ledger.request_v1) returns ledger.leg_v1[] language sql immutable as $$
  select array_agg((l.debit, l.credit, l.points, l.unit, l.quota_period, l.allowed)::ledger.leg_v1) from (
    select ledger.partner_discounts_v1(r.counter_account), ledger.card_discounts_v1(r.account), r.discount_grosze,
        2::smallint, null::bigint, null::int
      where r.discount_grosze > 0
    union all
    select u.owner, ledger.uses_account_v1(r.counter_account), 1, 1::smallint, u.quota::bigint << 32 | u.period, u.allowed
      from unnest(r.uses) as u
  ) as l(debit, credit, points, unit, quota_period, allowed)
$$;

-- The legs beside the points of what stands in the journal, mirrored.
create function ledger.mirror_legs_v1(p_bucket int, o ledger.journal) returns ledger.leg_v1[]
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_legs ledger.leg_v1[];
begin
  if o.remaining is not null or o.discount_grosze > 0 then
    select array_agg((p.credit, p.debit, p.points, p.unit, p.quota_period, null)::ledger.leg_v1 order by p.leg) into v_legs
      from ledger.posting p
      where p.bucket = p_bucket and p.transaction_id = o.transaction_id and p.unit <> 0;
  end if;
  return v_legs;
end
$$;

-- A request of its own: posted if the balance and its quotas allow, or only told whether they would (an inquiry).
create function ledger.post_own_v1(p_bucket int, p_buckets int, r ledger.request_v1, p_locked bigint[])
returns ledger.outcome_v1 language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  POINTS_INSUFFICIENT constant smallint := 60;
  QUOTA_USED_UP constant smallint := 61;
  MAY_GO_BELOW constant smallint := 4096;
  v_account ledger.account;
  v_code int := r.code;
  v_points bigint := 0;
  v_legs ledger.leg_v1[] := ledger.own_legs_v1(r);
  v_rest int;
  v_remaining int;
begin
  if r.account > 0 then
    select * into v_account from ledger.account a where a.bucket = p_bucket and a.id = r.account;
    if not found and v_code = 0 then
      raise exception 'card account % has no row in bucket %', r.account, p_bucket using errcode = 'no_data_found';
    end if;
  end if;
  if v_code between 10 and 19 and r.journalled then
    return ledger.unstored_v1(r, v_code, 0);
  elsif r.journalled and v_account.id is not null and v_account.id <> all (p_locked) then
    return null;
  end if;
  if v_code = 0 and r.points < 0 and v_account.balance + r.points < v_account.floor
      and r.details & MAY_GO_BELOW = 0 then
    v_code := POINTS_INSUFFICIENT;
  elsif v_code = 0 and r.uses is not null then
    if r.journalled and not ledger.hold_quotas_v1(p_bucket, v_legs) then
      return null;
    end if;
    v_rest := ledger.rest_v1(p_bucket, p_buckets, r.uses);
    v_remaining := greatest(v_rest - 1, 0);
    v_code := case when v_rest < 1 then QUOTA_USED_UP else 0 end;
    if not r.journalled then
      null;
    elsif v_rest >= 1 then
      perform ledger.move_quotas_v1(p_bucket, p_buckets, v_legs);
    elsif p_buckets > 1 then
      perform ledger.tell_short_v1(p_bucket, p_buckets, r.uses);
    end if;
  end if;
  v_points := case when v_code = 0 then r.points else 0 end;
  if not r.journalled then
    return ledger.unstored_v1(r, v_code, coalesce(v_account.balance, 0) + v_points, v_points, v_remaining);
  end if;
  return ledger.enter_v1(p_bucket, r, coalesce(v_account.id, 0), v_code, v_points,
    p_legs => case when v_code = 0 then v_legs end, p_remaining => v_remaining);
end
$$;

-- An original nobody has seen is settled: its id is taken, by a tombstone, so it can never post.
create function ledger.settle_v1(p_bucket int, r ledger.request_v1, p_account bigint) returns void
language plpgsql volatile as $$
declare
  TOMBSTONE constant smallint := 0;
  ORIGINAL_CANCELLED constant smallint := 24;
  v_tombstone ledger.request_v1 := r;
begin
  v_tombstone.stan := r.original_stan;
  v_tombstone.original_stan := 0;
  v_tombstone.kind := TOMBSTONE;
  v_tombstone.counter_account := 0;
  v_tombstone.amount_grosze := 0;
  v_tombstone.digest := null;
  v_tombstone.last4 := -1;
  v_tombstone.details := 0;
  v_tombstone.tier := null;
  v_tombstone.basis := null;
  perform ledger.enter_v1(p_bucket, v_tombstone, p_account, ORIGINAL_CANCELLED, 0);
end
$$;

create function ledger.is_reversed_v1(p_bucket int, p_terminal int, p_stan int) returns boolean
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return exists (select from ledger.reversal v
    where v.bucket = p_bucket and v.terminal = p_terminal and v.original_stan = p_stan);
end
$$;

-- The newest refund of a sale, which holds the sums of all; null if there is none.
create function ledger.newest_refund_v1(p_bucket int, p_terminal int, p_stan int) returns ledger.refund
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_refund ledger.refund;
begin
  select * into v_refund from ledger.refund f
    where f.bucket = p_bucket and f.terminal = p_terminal and f.original_stan = p_stan
    order by f.number desc limit 1;
  return v_refund;
end
$$;

create function ledger.paid_grosze_v1(j ledger.journal) returns bigint language sql immutable as $$
  select greatest(j.amount_grosze - coalesce(j.discount_grosze, 0), 0)
$$;

-- A request that names an original of its own terminal: undone (journalled) or asked about (not). STANs count up, so an
-- original is below its reference; what is not, names nothing and settles nothing. Of a sale that was refunded in part
-- what is left is undone.
create function ledger.refer_v1(p_bucket int, p_buckets int, r ledger.request_v1, p_locked bigint[])
returns ledger.outcome_v1 language plpgsql volatile as $$
declare
  APPROVED_ORIGINAL_UNSEEN constant smallint := 1;
  APPROVED_NOTHING_TO_REVERSE constant smallint := 2;
  ORIGINAL_MISMATCH constant smallint := 22;
  ORIGINAL_NOT_REVERSIBLE constant smallint := 23;
  STAN_UNKNOWN constant smallint := 25;
  o ledger.journal;
  f ledger.refund;
  v_outcome ledger.outcome_v1;
  v_legs ledger.leg_v1[];
  v_code int := r.code;
  v_account bigint := 0;
  v_is_unseen boolean := false;
begin
  if v_code between 10 and 19 then
    return ledger.unstored_v1(r, v_code, 0);
  elsif v_code <> 0 then
    v_account := greatest(r.account, 0);
  elsif r.original_stan >= r.stan then
    v_code := ORIGINAL_MISMATCH;
  else
    o := ledger.journal_row_v1(p_bucket, r.terminal, r.original_stan);
    if o.stan is null then
      v_is_unseen := true;
      v_account := greatest(r.account, 0);
      v_code := case when r.journalled then APPROVED_ORIGINAL_UNSEEN else STAN_UNKNOWN end;
    elsif r.account >= 0 and o.account not in (0, r.account) then
      v_code := ORIGINAL_MISMATCH;
    elsif not r.journalled then
      v_code := case when o.digest is null then STAN_UNKNOWN else 0 end;
    else
      v_account := o.account;
      f := ledger.newest_refund_v1(p_bucket, o.terminal, o.stan);
      v_code := case when o.original_stan <> 0 then ORIGINAL_NOT_REVERSIBLE
        when o.code <> 0 or f.refunded_grosze = ledger.paid_grosze_v1(o)
          or ledger.is_reversed_v1(p_bucket, o.terminal, o.stan) then APPROVED_NOTHING_TO_REVERSE
        else 0 end;
    end if;
  end if;
  if v_account > 0 and (v_is_unseen or r.journalled) and v_account <> all (p_locked) then
    if exists (select from ledger.account a where a.bucket = p_bucket and a.id = v_account) then
      return null;
    end if;
    v_account := 0;  -- the card of another bucket
  end if;
  if v_is_unseen then
    perform ledger.settle_v1(p_bucket, r, v_account);
  end if;
  if r.journalled and v_code = 0 then
    v_legs := ledger.mirror_legs_v1(p_bucket, o);
    if not ledger.hold_quotas_v1(p_bucket, v_legs) then
      return null;
    end if;
    r.counter_account := o.counter_account;
    r.amount_grosze := o.amount_grosze - coalesce(f.refunded_grosze, 0);
    r.offer := o.offer;
    r.discount_grosze := o.discount_grosze;
    return ledger.enter_v1(p_bucket, r, v_account, 0, -o.points - coalesce(f.points, 0), true, v_legs,
      ledger.move_quotas_v1(p_bucket, p_buckets, v_legs));
  elsif r.journalled then
    return ledger.enter_v1(p_bucket, r, v_account, v_code, 0);
  elsif v_code <> 0 then
    return ledger.unstored_v1(r, v_code, 0);
  end if;
  v_outcome := ledger.stored_v1(r.n, o);
  v_outcome.code := 0;
  v_outcome.original_code := o.code;
  return v_outcome;
end
$$;

-- What a refund of a sale comes to: its code, the change of points, and whether nothing of the sale is left. Points after
-- it are those of what is still paid; where there is no step all come back with the last grosz, as uses do. A sale that cost
-- nothing is refunded by nothing, once. Points spent are no payment: what took points is reversed.
create function ledger.judge_refund_v1(
  p_bucket int, r ledger.request_v1, o ledger.journal, f ledger.refund,
  out code int, out points bigint, out is_full boolean
) language plpgsql stable as $$
declare
  ORIGINAL_NOT_REFUNDABLE constant smallint := 26;
  AMOUNT_ZERO constant smallint := 50;
  REFUND_OVER_SALE constant smallint := 54;
  POINTS_INSUFFICIENT constant smallint := 60;
  MAY_GO_BELOW constant smallint := 4096;
  v_paid bigint := ledger.paid_grosze_v1(o);
  v_left bigint := v_paid - coalesce(f.refunded_grosze, 0) - r.amount_grosze;
begin
  points := 0;
  is_full := v_left = 0;
  if o.code <> 0 or o.original_stan <> 0 or o.points < 0 or ledger.is_reversed_v1(p_bucket, o.terminal, o.stan) then
    code := ORIGINAL_NOT_REFUNDABLE;
  elsif r.amount_grosze = 0 and v_paid > 0 then
    code := AMOUNT_ZERO;
  elsif v_left < 0 or r.amount_grosze < 0 or (r.amount_grosze = 0 and f.number is not null) then
    code := REFUND_OVER_SALE;
  else
    code := 0;
    if o.step_grosze > 0 then
      points := v_left / o.step_grosze - o.points - coalesce(f.points, 0);
    elsif is_full then
      points := -o.points;
    end if;
    if points < 0 and r.details & MAY_GO_BELOW = 0 and exists (select from ledger.account a
        where a.bucket = p_bucket and a.id = o.account and a.balance + points < a.floor) then
      code := POINTS_INSUFFICIENT;
      points := 0;
    end if;
  end if;
end
$$;

-- A refund of a sale, of whatever terminal. A sale that nobody has seen is not settled by it: it may still come.
create function ledger.refund_v1(p_bucket int, p_buckets int, r ledger.request_v1, p_locked bigint[])
returns ledger.outcome_v1 language plpgsql volatile as $$
declare
  ORIGINAL_MISMATCH constant smallint := 22;
  ORIGINAL_UNKNOWN constant smallint := 27;
  o ledger.journal;
  f ledger.refund;
  v record;
  v_legs ledger.leg_v1[];
  v_account bigint := greatest(r.account, 0);
  v_code int := r.code;
begin
  if v_code between 10 and 19 then
    return ledger.unstored_v1(r, v_code, 0);
  elsif v_code = 0 then
    o := ledger.journal_row_v1(p_bucket, r.original_terminal, r.original_stan);
    v_code := case
      when r.original_terminal = r.terminal and r.original_stan >= r.stan then ORIGINAL_MISMATCH
      when o.stan is null then ORIGINAL_UNKNOWN
      when r.account >= 0 and o.account not in (0, r.account) then ORIGINAL_MISMATCH
      else 0 end;
    v_account := case v_code when ORIGINAL_MISMATCH then 0 when ORIGINAL_UNKNOWN then v_account else o.account end;
  end if;
  if v_account > 0 and v_account <> all (p_locked) then
    if exists (select from ledger.account a where a.bucket = p_bucket and a.id = v_account) then
      return null;
    end if;
    v_account := 0;  -- the card of another bucket
  end if;
  if v_code <> 0 then
    return ledger.enter_v1(p_bucket, r, v_account, v_code, 0);
  end if;
  f := ledger.newest_refund_v1(p_bucket, o.terminal, o.stan);
  v := ledger.judge_refund_v1(p_bucket, r, o, f);
  if v.code <> 0 then
    return ledger.enter_v1(p_bucket, r, v_account, v.code, 0);
  end if;
  r.counter_account := o.counter_account;
  r.step_grosze := o.step_grosze;
  r.offer := o.offer;
  if v.is_full then
    v_legs := ledger.mirror_legs_v1(p_bucket, o);
    r.discount_grosze := o.discount_grosze;
    if not ledger.hold_quotas_v1(p_bucket, v_legs) then
      return null;
    end if;
  end if;
  insert into ledger.refund (bucket, terminal, original_stan, number, refund_terminal, refund_stan, refunded_grosze, points)
    values (p_bucket, o.terminal, o.stan, coalesce(f.number, 0) + 1, r.terminal, r.stan,
      coalesce(f.refunded_grosze, 0) + r.amount_grosze, coalesce(f.points, 0) + v.points);
  return ledger.enter_v1(p_bucket, r, v_account, 0, v.points, p_legs => v_legs,
    p_remaining => ledger.move_quotas_v1(p_bucket, p_buckets, v_legs));
end
$$;

-- One row under every rule. Null: its account or a wide quota of it was not free.
create function ledger.post_one_v1(p_bucket int, p_buckets int, r ledger.request_v1, p_locked bigint[])
returns ledger.outcome_v1 language plpgsql volatile as $$
declare
  STAN_CONFLICT constant smallint := 21;
  j ledger.journal;
begin
  if r.journalled then
    j := ledger.journal_row_v1(p_bucket, r.terminal, r.stan);
    if j.stan is not null then
      -- The same request again, or one that was settled before it came: what stands there. Else another request.
      if j.digest is null or j.digest = r.digest then
        return ledger.stored_v1(r.n, j);
      end if;
      return ledger.unstored_v1(r, STAN_CONFLICT, 0);
    end if;
  end if;
  if r.original_terminal is not null then
    return ledger.refund_v1(p_bucket, p_buckets, r, p_locked);
  elsif r.original_stan <> 0 then
    return ledger.refer_v1(p_bucket, p_buckets, r, p_locked);
  end if;
  return ledger.post_own_v1(p_bucket, p_buckets, r, p_locked);
end
$$;

-- Where a row is left, so are all later ones of its card: the postings of a card are entered in their order.
create function ledger.post_each_v1(
  p_bucket int, p_buckets int, p_requests ledger.request_v1[], p_may_wait boolean
) returns ledger.outcome_v1[] language plpgsql volatile as $$
declare
  v_locked bigint[] := ledger.lock_v1(p_bucket, p_requests, p_may_wait);
  v_outcomes ledger.outcome_v1[] := '{}';
  v_outcome ledger.outcome_v1;
  v_left bigint[] := '{}';
  r ledger.request_v1;
begin
  if p_may_wait then
    perform ledger.lock_quotas_v1(p_bucket, p_requests);
  end if;
  foreach r in array p_requests loop
    v_outcome := null;
    if r.account <> all (v_left) then
      v_outcome := ledger.post_one_v1(p_bucket, p_buckets, r, v_locked);
    end if;
    if v_outcome.code is null and r.account > 0 then
      v_left := v_left || r.account;
    end if;
    v_outcome.n := r.n;
    v_outcomes := array_append(v_outcomes, v_outcome);
  end loop;
  return v_outcomes;
end
$$;
