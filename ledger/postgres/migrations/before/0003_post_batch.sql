-- Posts one batch of one bucket: `post_batch_v1` is the whole statement, in autocommit, at READ COMMITTED.
--
-- The ordinary rows (a request of its own, the only one of its card in the batch, with no quota wider than its card) are
-- entered together, by statements over all of them. All others go one by one, in the order of the batch, under every rule
-- (0006): several postings of one card, requests that name an original, inquiries, unknown cards, wide quotas, and ids that
-- stand in the journal already.
--
-- The caller sees to it that no id, own or original's, occurs twice in a batch. What a row does follows from what it
-- has (an original, an entry in the journal, points, quotas), not from its kind, which is only recorded.
--
-- Order of locks: accounts by id, then wide quotas by (period, quota, owner). The ordinary rows' accounts come first; of the
-- others only what is free: whoever holds locks does not wait for another, so opposing batches cannot deadlock. A row whose
-- account or wide quota was not free is left for the caller to send again, alone; a call that holds nothing waits, in that
-- order. The quotas of a card are its account's: who holds the account may read and write them, and nobody else does.
--
-- Where rows have quotas, their accounts are locked by a statement of its own, and all ordinary rows' with them (half of
-- them first would break the order): only a later statement sees what the one that held an account before has used.
--
-- Rows are inserted without ON CONFLICT. Two workers that enter one id at once are a unique_violation of one of them
-- (journal_pkey, reversal_pkey), rolled back whole: the caller runs its batch again and finds the winner's row.
--
-- The planner is told to look rows up one by one: a generic plan made while the tables were small must not scan or
-- hash them when they have grown. LIMIT keeps a sub-select from becoming a join, which would be planned likewise.

-- One use of a quota: `allowed` is the limit by the rules, of all buckets together.
create type ledger.use_v1 as (owner bigint, quota int, period int, allowed int);

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
  registry_number  bigint,
  journalled       boolean,
  details          smallint,
  step_grosze      int,
  offer            int,
  discount_grosze  bigint,
  original_terminal int,     -- null: a reference to one's own terminal's; else a refund of that terminal's sale
  tier             bigint,
  basis            bigint,
  remaining        int,      -- of an ordinary row with quotas: what take_uses_v1 has found
  uses             ledger.use_v1[]
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
  details         smallint,
  step_grosze     int,
  offer           int,
  discount_grosze bigint,
  original_terminal int,
  remaining       int,       -- null: no quota
  original_code   smallint
);

-- The one maker of rows from columns; inlined by the planner.
create function ledger.requests_v1(
  bigint[], int[], int[], smallint[], bigint[], bigint[], bigint[], bigint[], bigint[], smallint[], int[], int[],
  bigint[], bigint[], smallint[], bigint[], boolean[], smallint[], int[], int[], bigint[], int[], bigint[], bigint[], int[]
) returns setof ledger.request_v1 language sql immutable parallel safe as $$
  select r.n::int, r.c1, r.c2, r.c3, r.c4, r.c5, r.c6, r.c7, r.c8, r.c9, r.c10, r.c11, r.c12, r.c13, r.c14, r.c15, r.c16,
      r.c17, r.c18, r.c19, r.c20, r.c21, r.c22, r.c23, r.c24, r.c25, null::ledger.use_v1[]
    from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
           $24, $25)
         with ordinality
         as r(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22,
              c23, c24, c25, n)
$$;

-- The accounts that a partner and a card have beside those of points.
create function ledger.uses_account_v1(p_account bigint) returns bigint language sql immutable parallel safe as $$
  select (p_account >> 3 << 3) + 4
$$;
create function ledger.partner_discounts_v1(p_account bigint) returns bigint language sql immutable parallel safe as $$
  select (p_account >> 3 << 3) + 5
$$;
create function ledger.card_discounts_v1(p_account bigint) returns bigint language sql immutable parallel safe as $$
  select (p_account >> 3 << 3) + 6
$$;

-- Takes the uses of the ordinary rows that have quotas, all or none of a row's. codes: the batch's, with 61 (QUOTA_USED_UP)
-- where one has nothing left, and null for rows that are not ordinary because of their quotas. remaining: by row.
-- decided: how many it has judged; is_holding: it has locked accounts.
create function ledger.take_uses_v1(
  p_bucket int, p_transaction_id bigint[], p_terminal int[], p_stan int[], p_account bigint[], p_counter_account bigint[],
  p_points bigint[], p_code smallint[], p_original_stan int[], p_journalled boolean[],
  p_use_n int[], p_use_owner bigint[], p_use_quota int[], p_use_period int[], p_use_allowed int[],
  out codes smallint[], out remaining int[], out decided int, out is_holding boolean
) language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  QUOTA_USED_UP constant smallint := 61;
  v_is_alone boolean[];
  v_is_judged boolean[] := array_fill(false, array[cardinality(p_stan)]);
  v record;
begin
  codes := p_code;
  remaining := array_fill(null::int, array[cardinality(p_stan)]);
  decided := 0;
  is_holding := false;
  select array_agg(a.in_batch = 1 order by a.n) into v_is_alone
    from (select n, count(*) over (partition by x.account) as in_batch
            from unnest(p_account) with ordinality as x(account, n)) a;
  for v in select u.n, bool_and(u.owner = p_account[u.n]) as is_own
      from unnest(p_use_n, p_use_owner) as u(n, owner) group by u.n loop
    if p_code[v.n] <> 0 then
      continue;
    elsif v.is_own and v_is_alone[v.n] and p_journalled[v.n] and p_original_stan[v.n] = 0 and p_points[v.n] >= 0 then
      v_is_judged[v.n] := true;
      is_holding := true;
    else
      codes[v.n] := null;
    end if;
  end loop;
  if not is_holding then
    return;
  end if;

  perform from ledger.account a
    where a.bucket = p_bucket and a.id = any (array(
      select p_account[x.n] from unnest(codes) with ordinality as x(code, n)
        where v_is_alone[x.n] and p_journalled[x.n] and p_original_stan[x.n] = 0 and x.code not between 10 and 19))
    order by a.id for no key update;

  for v in
    with wanted as (
      select u.*, row_number() over in_row as place, min(u.allowed + coalesce(q.balance, 0)) over whole_row as rest
        from unnest(p_use_n, p_use_owner, p_use_quota, p_use_period, p_use_allowed) as u(n, owner, quota, period, allowed)
        left join lateral (select q.balance from ledger.quota q
            where q.bucket = p_bucket and q.period = u.period and q.quota = u.quota and q.owner = u.owner limit 1) q on true
        where v_is_judged[u.n]
          and (select 1 from ledger.account a where a.bucket = p_bucket and a.id = u.owner limit 1) is not null
          and (select 1 from ledger.journal j
               where j.bucket = p_bucket and j.terminal = p_terminal[u.n] and j.stan = p_stan[u.n] limit 1) is null
        window in_row as (partition by u.n order by u.period, u.quota), whole_row as (partition by u.n)
    ), used as (
      insert into ledger.quota as q (bucket, period, quota, allowed, owner, balance)
      select p_bucket, u.period, u.quota, u.allowed, u.owner, -1 from wanted u where u.rest > 0
        order by u.period, u.quota, u.owner
      on conflict (bucket, period, quota, owner) do update set balance = q.balance - 1, allowed = excluded.allowed
    ), posted as (
      insert into ledger.posting (bucket, leg, unit, transaction_id, debit, credit, points, quota_period)
      select p_bucket, 2 + u.place, 1, p_transaction_id[u.n], u.owner, ledger.uses_account_v1(p_counter_account[u.n]), 1,
          u.quota::bigint << 32 | u.period
        from wanted u where u.rest > 0
    )
    select u.n, u.rest from wanted u where u.place = 1
  loop
    decided := decided + 1;
    remaining[v.n] := greatest(v.rest - 1, 0);
    if v.rest < 1 then
      codes[v.n] := QUOTA_USED_UP;
    end if;
  end loop;
end
$$;

create function ledger.post_batch_v1(
  p_bucket          int,
  p_buckets         int,       -- how many there are
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
  p_registry_number bigint[],
  p_journalled      boolean[],
  p_details         smallint[],
  p_step_grosze     int[],
  -- What few batches have; null where no row does.
  p_offer           int[],
  p_discount_grosze bigint[],
  p_original_terminal int[],
  p_tier            bigint[],
  p_basis           bigint[],
  p_use_n           int[],     -- the uses of all rows, in the order of these: place in the batch, ...
  p_use_owner       bigint[],
  p_use_quota       int[],
  p_use_period      int[],
  p_use_allowed     int[],
  p_use_from        int[],     -- by place in the batch: where its uses begin; and one more, where the last ones end
  -- The ordinary rows that were entered: place in the batch, code, balance after it; the caller knows the rest.
  out places     int[],
  out codes      smallint[],
  out balances   bigint[],
  out remainings int[],        -- by place in the batch; null: no quotas, in the row or in all of the batch
  -- All others, in the order of the batch.
  out others     ledger.outcome_v1[]
) language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_codes smallint[] := p_code;
  v_decided int := 0;
  v_entered int;
  v_is_holding boolean := false;
  v_rest ledger.request_v1[];
begin
  perform ledger.refuse_closed_v1(p_bucket, p_transaction_id);
  if p_use_n is not null then
    select t.codes, t.remaining, t.decided, t.is_holding into v_codes, remainings, v_decided, v_is_holding
      from ledger.take_uses_v1(p_bucket, p_transaction_id, p_terminal, p_stan, p_account, p_counter_account, p_points,
        p_code, p_original_stan, p_journalled, p_use_n, p_use_owner, p_use_quota, p_use_period, p_use_allowed) t;
  end if;

  with moved as (
    update ledger.account a set
        balance = a.balance
          + case when r.code = 0 and (r.points >= 0 or a.balance + r.points >= a.floor) then r.points else 0 end,
        last_terminal = r.terminal, last_stan = r.stan,
        previous_balance = a.balance, previous_terminal = a.last_terminal, previous_stan = a.last_stan
      from (
        select q.*, count(*) over (partition by q.account) as in_batch
          from ledger.requests_v1(p_transaction_id, p_terminal, p_stan, p_kind, p_account, p_counter_account, p_points,
            p_amount_grosze, p_digest, v_codes, p_original_stan, p_rules_version, p_accepted_at_ms, p_terminal_time,
            p_last4, p_registry_number, p_journalled, p_details, p_step_grosze, p_offer, p_discount_grosze,
            p_original_terminal, p_tier, p_basis, remainings) q
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
        points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, registry_number, rules_version,
        previous_terminal, previous_stan, kind, code, last4, details, step_grosze, offer, remaining, discount_grosze, tier,
        basis)
    select p_bucket, m.terminal, m.stan, 0, m.transaction_id, m.account, m.counter_account,
        m.moved, m.balance, m.amount_grosze, m.digest, m.accepted_at_ms, m.terminal_time,
        m.registry_number, m.rules_version,
        m.previous_terminal, m.previous_stan, m.kind, m.result, m.last4, m.details, m.step_grosze, m.offer, m.remaining,
        m.discount_grosze, m.tier, m.basis
      from moved m
      order by m.terminal, m.stan
  ), posted as (
    insert into ledger.posting (bucket, leg, unit, transaction_id, debit, credit, points)
    select p_bucket, 1, 0, m.transaction_id,
        case when m.moved > 0 then m.counter_account else m.account end,
        case when m.moved > 0 then m.account else m.counter_account end,
        abs(m.moved)
      from moved m where m.moved <> 0
    union all
    select p_bucket, 2, 2, m.transaction_id, ledger.partner_discounts_v1(m.counter_account),
        ledger.card_discounts_v1(m.account), m.discount_grosze
      from moved m where m.result = 0 and m.discount_grosze > 0
  )
  select array_agg(m.n), array_agg(m.result), array_agg(m.balance), count(m.remaining)
    into places, codes, balances, v_entered from moved m;

  if v_entered <> v_decided then
    -- An id was entered by another worker between the two statements: as if it had been first in the journal.
    raise exception 'an id was taken while its uses were' using errcode = 'unique_violation', constraint = 'journal_pkey';
  elsif cardinality(places) = cardinality(p_stan) then
    return;
  end if;

  select array_agg((x.n, p_transaction_id[x.n], p_terminal[x.n], p_stan[x.n], p_kind[x.n], p_account[x.n],
        p_counter_account[x.n], p_points[x.n], p_amount_grosze[x.n], p_digest[x.n], p_code[x.n], p_original_stan[x.n],
        p_rules_version[x.n], p_accepted_at_ms[x.n], p_terminal_time[x.n], p_last4[x.n],
        p_registry_number[x.n], p_journalled[x.n], p_details[x.n], p_step_grosze[x.n], p_offer[x.n],
        p_discount_grosze[x.n], p_original_terminal[x.n], p_tier[x.n], p_basis[x.n], null,
        case when p_use_from[x.n] < p_use_from[x.n + 1] then array(
          select (p_use_owner[u], p_use_quota[u], p_use_period[u], p_use_allowed[u])::ledger.use_v1
            from generate_series(p_use_from[x.n], p_use_from[x.n + 1] - 1) as u) end
      )::ledger.request_v1 order by x.n) into v_rest
    from (select s.n from generate_series(1, cardinality(p_stan)) as s(n) except select unnest(places)) x;
  others := ledger.post_each_v1(p_bucket, p_buckets, v_rest, places is null and not v_is_holding);
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

-- Where ids stand, without claiming anything: null where nobody has used one. For what names another terminal's.
create function ledger.homes_v1(p_bucket int, p_terminal int[], p_stan int[]) returns int[]
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  v_homes int[];
begin
  for i in 1 .. cardinality(p_stan) loop
    v_homes[i] := (select c.home from ledger.claim c
      where c.bucket = p_bucket and c.terminal = p_terminal[i] and c.stan = p_stan[i]);
  end loop;
  return v_homes;
end
$$;
