-- Posts one batch of one bucket: `post_batch_v1` is the whole statement, in autocommit, at READ COMMITTED.
--
-- The ordinary rows (a request of its own, the only one of its card in the batch; of one with uses: quotas of its card
-- alone, and no points) are entered together, by statements over all of them. All others go one by one, in the order of the
-- batch, under every rule (0006): several postings of one card, requests that name an original, inquiries, unknown cards,
-- wide quotas, and ids that stand in the journal already.
--
-- The caller sees to it that no id, own or original's, occurs twice in a batch. What a row does follows from what it
-- has (an original, an entry in the journal, points, quotas), not from its kind, which is only recorded.
--
-- Order of locks: accounts by id, then wide quotas by (period, quota, owner). The ordinary rows' accounts come first; of the
-- others only what is free: whoever holds locks does not wait for another, so opposing batches cannot deadlock. A row whose
-- account or wide quota was not free is left for the caller to send again, alone; a call that holds nothing waits, in that
-- order. The quotas of a card are its account's: who holds the account may read and write them, and nobody else does.
--
-- The accounts' update is the lock, and a statement of its own: only a later one sees what the one that held an account
-- before has used. So what is left of the quotas is read next, and then journal, legs and quotas are written. A quota that has
-- no row under the lock gets one from nobody else, so it is inserted without ON CONFLICT, which would cost a tenth of a use.
--
-- Nearly every row with uses has one: it is read by its place, and only further ones are generated (generate_series costs a
-- twentieth of a use). Legs are inserted in the order of their key, so that each goes behind the one before.
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
  -- The ordinary rows that were entered: place in the batch, code, balance after it, and what remains of the tightest
  -- quota (null: none); the caller knows the rest.
  out places     int[],
  out codes      smallint[],
  out balances   bigint[],
  out remainings int[],
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
  QUOTA_USED_UP constant smallint := 61;
  POINTS_INSUFFICIENT constant smallint := 60;
  v_one_by_one int[] := '{}';
  v_moved bigint[];
  v_previous_terminals int[];
  v_previous_stans int[];
  v_held int[];  -- by use: the balance of its quota; null: it has no row
  v_rest ledger.request_v1[];
begin
  perform ledger.refuse_closed_v1(p_bucket, p_transaction_id);
  if p_use_n is not null then
    v_one_by_one := array(
      select u.n from unnest(p_use_n, p_use_owner) as u(n, owner)
        where p_code[u.n] = 0 and (u.owner <> p_account[u.n] or p_points[u.n] <> 0));
  end if;

  with moved as (
    update ledger.account a set
        balance = a.balance
          + case when r.code = 0 and (r.points >= 0 or a.balance + r.points >= a.floor
              or p_details[r.n::int] & 4096 <> 0) then r.points else 0 end,
        last_terminal = r.terminal, last_stan = r.stan,
        previous_balance = a.balance, previous_terminal = a.last_terminal, previous_stan = a.last_stan
      from (
        select q.*, count(*) over (partition by q.account) as in_batch
          from unnest(p_account, p_terminal, p_stan, p_points, p_code, p_original_stan, p_journalled) with ordinality
            as q(account, terminal, stan, points, code, original_stan, journalled, n)
          order by q.account) r
      where a.bucket = p_bucket and a.id = r.account and r.in_batch = 1 and r.journalled and r.original_stan = 0
        and r.code not between 10 and 19 and r.n::int <> all (v_one_by_one)
        and (select 1 from ledger.journal j
             where j.bucket = p_bucket and j.terminal = r.terminal and j.stan = r.stan limit 1) is null
      returning r.n::int, a.balance, a.balance - a.previous_balance as moved, a.previous_terminal, a.previous_stan
  )
  select array_agg(m.n), array_agg(m.balance), array_agg(m.moved), array_agg(m.previous_terminal),
      array_agg(m.previous_stan)
    into places, balances, v_moved, v_previous_terminals, v_previous_stans from moved m;

  if p_use_n is not null then
    v_held := array(
      select (select q.balance from ledger.quota q
              where q.bucket = p_bucket and q.period = u.period and q.quota = u.quota and q.owner = u.owner limit 1)
        from unnest(p_use_period, p_use_quota, p_use_owner) with ordinality as u(period, quota, owner, u) order by u.u);
  end if;

  with judged as (
    select m.*, case when p_code[m.n] <> 0 then p_code[m.n] when m.moved <> p_points[m.n] then POINTS_INSUFFICIENT
        when m.rest < 1 then QUOTA_USED_UP else 0 end::smallint as result,
        case when m.rest is not null then greatest(m.rest - 1, 0) end as remaining
      from (
        select x.*, case when p_code[x.n] = 0 and x.first < x.next then least(
            p_use_allowed[x.first] + coalesce(v_held[x.first], 0),
            case when x.next > x.first + 1 then (
              select min(p_use_allowed[u] + coalesce(v_held[u], 0)) from generate_series(x.first + 1, x.next - 1) as u) end
          ) end as rest
          from (select *, p_use_from[n] as first, p_use_from[n + 1] as next
            from unnest(places, balances, v_moved, v_previous_terminals, v_previous_stans)
              as x(n, balance, moved, previous_terminal, previous_stan)) x
        offset 0) m
  ), entered as (
    insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account, counter_account,
        points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, registry_number, rules_version,
        previous_terminal, previous_stan, kind, code, last4, details, step_grosze, offer, remaining, discount_grosze, tier,
        basis)
    select p_bucket, p_terminal[m.n], p_stan[m.n], 0, p_transaction_id[m.n], p_account[m.n], p_counter_account[m.n],
        m.moved, m.balance, p_amount_grosze[m.n], p_digest[m.n], p_accepted_at_ms[m.n], p_terminal_time[m.n],
        p_registry_number[m.n], p_rules_version[m.n], m.previous_terminal, m.previous_stan, p_kind[m.n], m.result,
        p_last4[m.n], p_details[m.n], p_step_grosze[m.n], p_offer[m.n], m.remaining, p_discount_grosze[m.n],
        p_tier[m.n], p_basis[m.n]
      from judged m
      order by p_terminal[m.n], p_stan[m.n]
  ), used as (
    select m.n, m.first as u, m.first, v_held[m.first] is null as is_new from judged m where m.rest > 0
    union all
    select m.n, u, m.first, v_held[u] is null from judged m cross join generate_series(m.first + 1, m.next - 1) as u
      where m.rest > 0 and m.next > m.first + 1
  ), opened as (
    insert into ledger.quota (bucket, period, quota, allowed, owner, balance)
    select p_bucket, p_use_period[u.u], p_use_quota[u.u], p_use_allowed[u.u], p_use_owner[u.u], -1
      from used u where u.is_new
  ), taken as (
    insert into ledger.quota as q (bucket, period, quota, allowed, owner, balance)
    select p_bucket, p_use_period[u.u], p_use_quota[u.u], p_use_allowed[u.u], p_use_owner[u.u], -1
      from used u where not u.is_new
    on conflict (bucket, period, quota, owner) do update set balance = q.balance - 1, allowed = excluded.allowed
  ), posted as (
    insert into ledger.posting (bucket, leg, unit, transaction_id, debit, credit, points, quota_period)
    select p_bucket, 1 as leg, 0, p_transaction_id[m.n] as transaction_id,
        case when m.moved > 0 then p_counter_account[m.n] else p_account[m.n] end,
        case when m.moved > 0 then p_account[m.n] else p_counter_account[m.n] end,
        abs(m.moved), null::bigint
      from judged m where m.moved <> 0
    union all
    select p_bucket, 2, 2, p_transaction_id[m.n], ledger.partner_discounts_v1(p_counter_account[m.n]),
        ledger.card_discounts_v1(p_account[m.n]), p_discount_grosze[m.n], null
      from judged m where m.result = 0 and p_discount_grosze[m.n] > 0
    union all
    select p_bucket, 3 + u.u - u.first, 1, p_transaction_id[u.n], p_use_owner[u.u],
        ledger.uses_account_v1(p_counter_account[u.n]), 1, p_use_quota[u.u]::bigint << 32 | p_use_period[u.u]
      from used u
    order by transaction_id, leg
  )
  select array_agg(m.result), array_agg(m.remaining) into codes, remainings from judged m;

  if cardinality(places) = cardinality(p_stan) then
    return;
  end if;

  select array_agg((x.n, p_transaction_id[x.n], p_terminal[x.n], p_stan[x.n], p_kind[x.n], p_account[x.n],
        p_counter_account[x.n], p_points[x.n], p_amount_grosze[x.n], p_digest[x.n], p_code[x.n], p_original_stan[x.n],
        p_rules_version[x.n], p_accepted_at_ms[x.n], p_terminal_time[x.n], p_last4[x.n],
        p_registry_number[x.n], p_journalled[x.n], p_details[x.n], p_step_grosze[x.n], p_offer[x.n],
        p_discount_grosze[x.n], p_original_terminal[x.n], p_tier[x.n], p_basis[x.n],
        case when p_use_from[x.n] < p_use_from[x.n + 1] then array(
          select (p_use_owner[u], p_use_quota[u], p_use_period[u], p_use_allowed[u])::ledger.use_v1
            from generate_series(p_use_from[x.n], p_use_from[x.n + 1] - 1) as u) end
      )::ledger.request_v1 order by x.n) into v_rest
    from (select s.n from generate_series(1, cardinality(p_stan)) as s(n) except select unnest(places)) x;
  others := ledger.post_each_v1(p_bucket, p_buckets, v_rest, places is null);
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
  v_home int;
begin
  for i in 1 .. cardinality(p_stan) loop
    select c.home into v_home from ledger.claim c
      where c.bucket = p_bucket and c.terminal = p_terminal[i] and c.stan = p_stan[i];
    v_homes[i] := v_home;
  end loop;
  return v_homes;
end
$$;
