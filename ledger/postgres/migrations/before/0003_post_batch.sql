-- Posts one batch of one bucket: `post_batch_v1` is the whole statement, in autocommit, at READ COMMITTED.
--
-- The ordinary rows (a request of its own, the only one of its card in the batch) are entered together by one
-- statement. All others go one by one, in the order of the batch, under every rule: several postings of one card,
-- requests that name an original, inquiries, unknown cards, and ids that stand in the journal already.
--
-- The caller sees to it that no id, own or original's, occurs twice in a batch. What a row does follows from what it
-- has (an original, an entry in the journal, points), not from its kind, which is only recorded.
--
-- Order of locks: the ordinary rows' accounts by id. The accounts of the others after them, those that are free only:
-- whoever holds locks does not wait for another account, so opposing batches cannot deadlock. A row whose account
-- was not free is left for the caller to send again, alone; a call without ordinary rows waits, by id.
--
-- Rows are inserted without ON CONFLICT. Two workers that enter one id at once are a unique_violation of one of them
-- (journal_pkey, reversal_pkey), rolled back whole: the caller runs its batch again and finds the winner's row.
--
-- The planner is told to look rows up one by one: a generic plan made while the tables were small must not scan or
-- hash them when they have grown. LIMIT keeps a sub-select from becoming a join, which would be planned likewise.

create type ledger.request_v1 as (
  n                int,       -- place in the batch, from 1
  transaction_id   bigint,
  terminal         int,
  stan             int,
  kind             smallint,
  account          bigint,    -- 0: no card known; -1: the original's, whatever it is
  counter_account  bigint,
  points           bigint,    -- signed change of the card account
  amount_grosze    bigint,
  digest           bigint,
  code             smallint,  -- 0: post if the balance allows; else the decline already decided; class retry
                              -- (10..19): not decided yet, so nothing is entered, but what stands there is told
  original_stan    int,       -- 0: none
  rules_version    int,
  accepted_at_ms   bigint,
  terminal_time    bigint,
  last4            smallint,
  journalled       boolean
);

-- What stands in the books for one request; code null: its account was not free, nothing was done. For an inquiry
-- about an original: `code` is the inquiry's own, `original_code` and the rest are the original's.
create type ledger.outcome_v1 as (
  n               int,
  code            smallint,
  transaction_id  bigint,
  points          bigint,
  balance         bigint,
  amount_grosze   bigint,
  accepted_at_ms  bigint,
  rules_version   int,
  kind            smallint,
  counter_account bigint,
  original_stan   int,
  last4           smallint,
  replayed        boolean,
  original_code   smallint
);

-- The one maker of rows from columns; inlined by the planner.
create function ledger.requests_v1(
  bigint[], int[], int[], smallint[], bigint[], bigint[], bigint[], bigint[], bigint[], smallint[], int[], int[],
  bigint[], bigint[], smallint[], boolean[]
) returns setof ledger.request_v1 language sql immutable parallel safe as $$
  select r.n::int, r.c1, r.c2, r.c3, r.c4, r.c5, r.c6, r.c7, r.c8, r.c9, r.c10, r.c11, r.c12, r.c13, r.c14, r.c15, r.c16
    from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) with ordinality
         as r(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, n)
$$;

create function ledger.stored_v1(p_n int, j ledger.journal) returns ledger.outcome_v1
language sql immutable parallel safe as $$
  select (p_n, j.code, j.transaction_id, j.points, j.balance, j.amount_grosze, j.accepted_at_ms, j.rules_version,
          j.kind, j.counter_account, j.original_stan, j.last4, true, null)::ledger.outcome_v1
$$;

create function ledger.unstored_v1(r ledger.request_v1, p_code int, p_balance bigint) returns ledger.outcome_v1
language sql immutable parallel safe as $$
  select (r.n, p_code, 0, 0, p_balance, r.amount_grosze, r.accepted_at_ms, r.rules_version, r.kind,
          r.counter_account, r.original_stan, r.last4, false, null)::ledger.outcome_v1
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
        where r.original_stan <> 0 and j.bucket = p_bucket and j.terminal = r.terminal and j.stan = r.original_stan
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

-- Enters one row: journal, posting, balance, and that its original is reversed. Returns what it stored. p_account: 0, or
-- an account of this bucket that is locked.
create function ledger.enter_v1(
  p_bucket int, r ledger.request_v1, p_account bigint, p_code int, p_points bigint, p_is_reversal boolean
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
      points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, rules_version,
      previous_terminal, previous_stan, kind, code, last4)
    values (p_bucket, r.terminal, r.stan, r.original_stan, r.transaction_id, coalesce(v_account.id, 0),
      r.counter_account, p_points, coalesce(v_account.balance, 0), r.amount_grosze, r.digest, r.accepted_at_ms,
      r.terminal_time, r.rules_version, coalesce(v_account.previous_terminal, 0),
      coalesce(v_account.previous_stan, 0), r.kind, p_code, r.last4);
  if p_points <> 0 then
    insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points)
      values (p_bucket, 1, r.transaction_id,
        case when p_points > 0 then r.counter_account else p_account end,
        case when p_points > 0 then p_account else r.counter_account end, abs(p_points));
  end if;
  if p_is_reversal then
    insert into ledger.reversal (bucket, terminal, original_stan, stan)
      values (p_bucket, r.terminal, r.original_stan, r.stan);
  end if;
  return (r.n, p_code, r.transaction_id, p_points, coalesce(v_account.balance, 0), r.amount_grosze, r.accepted_at_ms,
          r.rules_version, r.kind, r.counter_account, r.original_stan, r.last4, false, null)::ledger.outcome_v1;
end
$$;

-- A request of its own: posted if the balance allows, or only told (an inquiry).
create function ledger.post_own_v1(p_bucket int, r ledger.request_v1, p_locked bigint[]) returns ledger.outcome_v1
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  POINTS_INSUFFICIENT constant smallint := 60;
  v_account ledger.account;
  v_code int := r.code;
begin
  if r.account > 0 then
    select * into v_account from ledger.account a where a.bucket = p_bucket and a.id = r.account;
    if not found and v_code = 0 then
      raise exception 'card account % has no row in bucket %', r.account, p_bucket using errcode = 'no_data_found';
    end if;
  end if;
  if not r.journalled then
    return ledger.unstored_v1(r, v_code, coalesce(v_account.balance, 0));
  elsif v_code between 10 and 19 then
    return ledger.unstored_v1(r, v_code, 0);
  end if;
  if v_account.id is not null and v_account.id <> all (p_locked) then
    return null;
  end if;
  if v_code = 0 and r.points < 0 and v_account.balance + r.points < v_account.floor then
    v_code := POINTS_INSUFFICIENT;
  end if;
  return ledger.enter_v1(p_bucket, r, coalesce(v_account.id, 0), v_code, case when v_code = 0 then r.points else 0 end, false);
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
  perform ledger.enter_v1(p_bucket, v_tombstone, p_account, ORIGINAL_CANCELLED, 0, false);
end
$$;

-- A request that names an original: undone (journalled) or asked about (not). STANs count up, so an original is
-- below its reference; what is not, names nothing and settles nothing.
create function ledger.refer_v1(p_bucket int, r ledger.request_v1, p_locked bigint[]) returns ledger.outcome_v1
language plpgsql volatile as $$
declare
  APPROVED_ORIGINAL_UNSEEN constant smallint := 1;
  APPROVED_NOTHING_TO_REVERSE constant smallint := 2;
  ORIGINAL_MISMATCH constant smallint := 22;
  ORIGINAL_NOT_REVERSIBLE constant smallint := 23;
  STAN_UNKNOWN constant smallint := 25;
  o ledger.journal;
  v_outcome ledger.outcome_v1;
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
      v_code := case when o.original_stan <> 0 then ORIGINAL_NOT_REVERSIBLE
        when o.code <> 0 or exists (
          select from ledger.reversal v
            where v.bucket = p_bucket and v.terminal = r.terminal and v.original_stan = r.original_stan)
          then APPROVED_NOTHING_TO_REVERSE
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
    r.counter_account := o.counter_account;
    r.amount_grosze := o.amount_grosze;
    return ledger.enter_v1(p_bucket, r, v_account, 0, -o.points, true);
  elsif r.journalled then
    return ledger.enter_v1(p_bucket, r, v_account, v_code, 0, false);
  elsif v_code <> 0 then
    return ledger.unstored_v1(r, v_code, 0);
  end if;
  v_outcome := ledger.stored_v1(r.n, o);
  v_outcome.code := 0;
  v_outcome.original_code := o.code;
  return v_outcome;
end
$$;

-- One row under every rule. Null: its account was not free.
create function ledger.post_one_v1(p_bucket int, r ledger.request_v1, p_locked bigint[]) returns ledger.outcome_v1
language plpgsql volatile as $$
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
  if r.original_stan <> 0 then
    return ledger.refer_v1(p_bucket, r, p_locked);
  end if;
  return ledger.post_own_v1(p_bucket, r, p_locked);
end
$$;

create function ledger.post_each_v1(p_bucket int, p_requests ledger.request_v1[], p_may_wait boolean)
returns ledger.outcome_v1[] language plpgsql volatile as $$
declare
  v_locked bigint[] := ledger.lock_v1(p_bucket, p_requests, p_may_wait);
  v_outcomes ledger.outcome_v1[] := '{}';
  v_outcome ledger.outcome_v1;
  r ledger.request_v1;
begin
  foreach r in array p_requests loop
    v_outcome := ledger.post_one_v1(p_bucket, r, v_locked);
    v_outcome.n := r.n;
    v_outcomes := array_append(v_outcomes, v_outcome);
  end loop;
  return v_outcomes;
end
$$;

create function ledger.post_batch_v1(
  p_bucket          int,
  p_transaction_id  bigint[],
  p_terminal        int[],
  p_stan            int[],
  p_kind            smallint[],
  p_account         bigint[],
  p_counter_account bigint[],
  p_points          bigint[],
  p_amount_grosze   bigint[],
  p_digest          bigint[],
  p_code            smallint[],
  p_original_stan   int[],
  p_rules_version   int[],
  p_accepted_at_ms  bigint[],
  p_terminal_time   bigint[],
  p_last4           smallint[],
  p_journalled      boolean[],
  -- The ordinary rows that were entered: place in the batch, code, balance after it; the caller knows the rest.
  out places   int[],
  out codes    smallint[],
  out balances bigint[],
  -- All others, in the order of the batch.
  out others   ledger.outcome_v1[]
) language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_rest ledger.request_v1[];
begin
  perform ledger.refuse_closed_v1(p_bucket, p_transaction_id);

  with moved as (
    update ledger.account a set
        balance = a.balance
          + case when r.code = 0 and (r.points >= 0 or a.balance + r.points >= a.floor) then r.points else 0 end,
        last_terminal = r.terminal, last_stan = r.stan,
        previous_balance = a.balance, previous_terminal = a.last_terminal, previous_stan = a.last_stan
      from (
        select q.*, count(*) over (partition by q.account) as in_batch
          from ledger.requests_v1(p_transaction_id, p_terminal, p_stan, p_kind, p_account, p_counter_account, p_points,
            p_amount_grosze, p_digest, p_code, p_original_stan, p_rules_version, p_accepted_at_ms, p_terminal_time,
            p_last4, p_journalled) q
          order by q.account) r
      where a.bucket = p_bucket and a.id = r.account and r.in_batch = 1 and r.journalled and r.original_stan = 0
        and r.code not between 10 and 19
        and (select 1 from ledger.journal j
             where j.bucket = p_bucket and j.terminal = r.terminal and j.stan = r.stan limit 1) is null
      returning r.*, a.balance, a.balance - a.previous_balance as moved, a.previous_terminal, a.previous_stan,
        case when r.code <> 0 then r.code when a.balance - a.previous_balance <> r.points then 60 else 0 end::smallint
          as result  -- 60: POINTS_INSUFFICIENT
  ), entered as (
    insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account, counter_account,
        points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, rules_version,
        previous_terminal, previous_stan, kind, code, last4)
    select p_bucket, m.terminal, m.stan, 0, m.transaction_id, m.account, m.counter_account,
        m.moved, m.balance, m.amount_grosze, m.digest, m.accepted_at_ms, m.terminal_time, m.rules_version,
        m.previous_terminal, m.previous_stan, m.kind, m.result, m.last4
      from moved m
      order by m.terminal, m.stan
  ), posted as (
    insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points)
    select p_bucket, 1, m.transaction_id,
        case when m.moved > 0 then m.counter_account else m.account end,
        case when m.moved > 0 then m.account else m.counter_account end,
        abs(m.moved)
      from moved m where m.moved <> 0
  )
  select array_agg(m.n), array_agg(m.result), array_agg(m.balance) into places, codes, balances from moved m;

  if cardinality(places) = cardinality(p_stan) then
    return;
  end if;

  select array_agg((x.n, p_transaction_id[x.n], p_terminal[x.n], p_stan[x.n], p_kind[x.n], p_account[x.n],
        p_counter_account[x.n], p_points[x.n], p_amount_grosze[x.n], p_digest[x.n], p_code[x.n], p_original_stan[x.n],
        p_rules_version[x.n], p_accepted_at_ms[x.n], p_terminal_time[x.n], p_last4[x.n],
        p_journalled[x.n]
      )::ledger.request_v1 order by x.n) into v_rest
    from (select s.n from generate_series(1, cardinality(p_stan)) as s(n) except select unnest(places)) x;
  others := ledger.post_each_v1(p_bucket, v_rest, places is null);
end
$$;

-- With more than one bucket, first of all: where each id stands. Called in the bucket of the terminals, in
-- autocommit, ids in order. state 0: it stands in `home`, as this request; 1: as another request; 2: it was settled
-- before it came.
create function ledger.claim_v1(
  p_bucket        int,
  p_terminal      int[],
  p_stan          int[],
  p_home          int[],     -- the bucket of the card
  p_digest        bigint[],
  p_original_stan int[],     -- 0: none
  p_journalled    boolean[],
  p_decided       boolean[], -- false: put off (class retry), so nothing is claimed, but what stands there is told
  out homes  int[],
  out states smallint[]
) language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_claim ledger.claim;
  v_home int;
begin
  for i in 1 .. cardinality(p_stan) loop
    states[i] := 0;
    homes[i] := p_home[i];
    if p_journalled[i] then
      select * into v_claim from ledger.claim c
        where c.bucket = p_bucket and c.terminal = p_terminal[i] and c.stan = p_stan[i];
      if found then
        homes[i] := v_claim.home;
        states[i] := case when v_claim.digest is null then 2 when v_claim.digest = p_digest[i] then 0 else 1 end;
        continue;
      end if;
    end if;
    if not p_decided[i] then
      continue;
    end if;
    if p_original_stan[i] between 1 and p_stan[i] - 1 then
      select c.home into v_home from ledger.claim c
        where c.bucket = p_bucket and c.terminal = p_terminal[i] and c.stan = p_original_stan[i];
      if found then
        homes[i] := v_home;
      else
        insert into ledger.claim (bucket, terminal, stan, home, digest)
          values (p_bucket, p_terminal[i], p_original_stan[i], p_home[i], null);
      end if;
    end if;
    if p_journalled[i] then
      insert into ledger.claim (bucket, terminal, stan, home, digest)
        values (p_bucket, p_terminal[i], p_stan[i], homes[i], p_digest[i]);
    end if;
  end loop;
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
