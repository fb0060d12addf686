-- The ledger as it was at commit d5b569b: tables and the one batch function, byte for byte, for the limit that later ones are
-- compared with. Loaded into a database of its own; nothing of the project reads it.
-- The books. Every table carries `bucket` as first part of its key, so that the same schema runs on one Postgres
-- and on a sharded engine: no triggers, rules, sequences, NOTIFY or foreign keys in this schema (a test holds it).
-- Append-only is held by grants: the service may insert and read journal, posting and reversal, nothing else.

create schema if not exists ledger;

-- One row per card account. Partner and organiser accounts have no row: nothing is ever locked or checked there.
-- last_* names the newest journal row of the account; each journal row names the one before it. So a card's
-- history needs no index whose pages spread with the journal, and a posting costs the same in year ten.
create table ledger.account (
  bucket        int not null,
  last_terminal int not null default 0,
  id            bigint not null,
  balance       bigint not null default 0,
  floor         bigint not null default 0,
  last_stan     int not null default 0,
  primary key (bucket, id)
) with (fillfactor = 50);  -- room for the next version on the same page: updates touch no index

-- One row per (terminal, STAN) for ever: approved, declined, or settled as never to be executed (a tombstone:
-- kind 0, code 24, digest null). points is the change of the card account, balance the balance after it.
create table ledger.journal (
  bucket            int not null,
  terminal          int not null,
  stan              int not null,
  original_stan     int not null,  -- 0: none
  transaction_id    bigint not null,
  account           bigint not null,  -- 0: no card known
  counter_account   bigint not null,
  points            bigint not null,
  balance           bigint not null,
  amount_grosze     bigint not null,
  digest            bigint,
  accepted_at_ms    bigint not null,  -- the switch's clock
  terminal_time     bigint not null,  -- recorded, never trusted
  rules_version     int not null,
  previous_terminal int not null,
  previous_stan     int not null,
  kind              smallint not null,
  code              smallint not null,
  primary key (bucket, terminal, stan)
);

create table ledger.posting (
  bucket         int not null,
  leg            int not null,
  transaction_id bigint not null,
  debit          bigint not null,
  credit         bigint not null,
  points         bigint not null check (points > 0),
  primary key (bucket, transaction_id, leg)
);

-- At most one reversal per original.
create table ledger.reversal (
  bucket        int not null,
  terminal      int not null,
  original_stan int not null,
  stan          int not null,
  primary key (bucket, terminal, original_stan)
);

-- What partner and organiser accounts came to up to `through`; their balance is this plus the tail of postings.
create table ledger.rollup (
  bucket  int not null,
  account bigint not null,
  balance bigint not null,
  primary key (bucket, account)
);
create table ledger.rollup_mark (
  bucket  int not null,
  through bigint not null,  -- transaction id, inclusive
  primary key (bucket)
);

-- Same arithmetic as ledger.posting.bucket_of in Python; a test compares them.
create function ledger.bucket_of(account bigint, buckets int) returns int
language sql immutable parallel safe strict as $$
  select (((((account >> 3) & 2147483647) * 1103515245) >> 15) % buckets)::int
$$;

grant usage on schema ledger to cityswitch_service;
grant select on all tables in schema ledger to cityswitch_service;
grant insert on ledger.journal, ledger.posting, ledger.reversal to cityswitch_service;
grant update (balance, last_terminal, last_stan) on ledger.account to cityswitch_service;

-- Posts one batch of one bucket: the whole statement, in autocommit, at READ COMMITTED.
--
-- At most one request per card account and one per (terminal, STAN) in a batch; the caller sees to it.
-- Kinds: 1 earn, 2 earn advice, 3 redeem, 4 reversal, 5 status, 6 balance, 7 adjustment (5 and 6 are not journalled).
-- A request comes with code 0 (post, if the balance allows) or with the decline already decided.
-- Answers with one row of arrays, in the order of (terminal, stan).
--
-- Order of locks, the same in every call: accounts by id, then tombstones by id, then journal rows by id. Each
-- step is a statement of its own and so has a snapshot of its own: what an earlier owner of a lock has committed
-- is seen by the steps after it.
--
-- The planner is told to look rows up one by one: a generic plan made while the tables were small must not scan
-- or hash them when they have grown.
create function ledger.post_batch(
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
  out codes            smallint[],
  out transaction_ids  bigint[],
  out points           bigint[],
  out balances         bigint[],
  out amounts_grosze   bigint[],
  out accepted_at_ms   bigint[],
  out rules_versions   int[],
  out kinds            smallint[],
  out counter_accounts bigint[],
  out replayed         boolean[],
  out original_codes   smallint[]  -- for kind 5: the code of the original, whose figures stand in the other arrays
) language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_xid xid;
begin
  -- Accounts first, in one order for all, so that opposing flows cannot deadlock and a second request of the same
  -- card (a duplicate, a reversal of what is in flight) waits here until the first has committed.
  perform from ledger.account a
    where a.bucket = p_bucket and a.id = any (p_account)
    order by a.id
    for no key update;

  v_xid := pg_current_xact_id()::xid;

  -- A reversal or a status query settles an original nobody has seen: its id is taken, so it can never post.
  -- ON CONFLICT waits for an owner in flight. A request whose own id is used already must have no effect.
  if p_kind && array[4, 5]::smallint[] then
    with settled as (
      insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account, counter_account,
          points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, rules_version,
          previous_terminal, previous_stan, kind, code)
      select p_bucket, r.terminal, r.original_stan, 0, r.transaction_id, r.account, 0,
          0, coalesce(a.balance, 0), 0, null, r.accepted_at_ms, r.terminal_time, r.rules_version,
          coalesce(a.last_terminal, 0), coalesce(a.last_stan, 0), 0, 24
        from unnest(p_transaction_id, p_terminal, p_stan, p_kind, p_account, p_code, p_original_stan,
                    p_rules_version, p_accepted_at_ms, p_terminal_time)
             as r(transaction_id, terminal, stan, kind, account, code, original_stan,
                  rules_version, accepted_at_ms, terminal_time)
        left join lateral (
          select a.balance, a.last_terminal, a.last_stan from ledger.account a
            where a.bucket = p_bucket and a.id = r.account limit 1) a on true
        where r.kind in (4, 5) and r.code = 0
          and not (r.kind = 4 and r.original_stan = r.stan)
          -- LIMIT keeps these two look-ups: as joins they would be planned while the journal is small, and scan it.
          and (select 1 from ledger.journal o
               where o.bucket = p_bucket and o.terminal = r.terminal and o.stan = r.original_stan limit 1) is null
          and not (r.kind = 4 and (
                select 1 from ledger.journal j
                where j.bucket = p_bucket and j.terminal = r.terminal and j.stan = r.stan limit 1) is not null)
        order by r.terminal, r.original_stan
      on conflict do nothing
      returning terminal, stan, account
    )
    update ledger.account a set last_terminal = s.terminal, last_stan = s.stan
      from settled s where a.bucket = p_bucket and a.id = s.account;
  end if;

  with decided as materialized (
    select r.*, a.balance, a.last_terminal, a.last_stan,
        o.code as o_code, o.transaction_id as o_transaction_id, o.points as o_points, o.balance as o_balance,
        o.amount_grosze as o_amount_grosze, o.accepted_at_ms as o_accepted_at_ms,
        o.rules_version as o_rules_version, o.kind as o_kind, o.counter_account as o_counter_account,
        case
          when r.code <> 0 then r.code
          when r.kind in (1, 2, 3, 7) then
            case when r.points < 0 and a.balance + r.points < a.floor then 60 else 0 end
          when r.kind = 6 then 0
          when r.kind = 4 and r.original_stan = r.stan then 23
          when o.account is null then 12  -- only when the own id is used already: the row below is not inserted
          when o.account <> r.account and o.account <> 0 then 22
          when r.kind = 5 then case when o.settled_now then 25 else 0 end
          when o.kind = 4 then 23
          when o.settled_now then 1
          when o.code <> 0 or v.stan is not null then 2
          else 0
        end::smallint as result
      from unnest(p_transaction_id, p_terminal, p_stan, p_kind, p_account, p_counter_account, p_points,
                  p_amount_grosze, p_digest, p_code, p_original_stan, p_rules_version, p_accepted_at_ms,
                  p_terminal_time)
           as r(transaction_id, terminal, stan, kind, account, counter_account, points,
                amount_grosze, digest, code, original_stan, rules_version, accepted_at_ms,
                terminal_time)
      left join lateral (
        select a.balance, a.floor, a.last_terminal, a.last_stan from ledger.account a
          where a.bucket = p_bucket and a.id = r.account limit 1) a on true
      left join lateral (
        select o.*, o.digest is null and o.xmin = v_xid as settled_now from ledger.journal o
          where r.kind in (4, 5) and o.bucket = p_bucket and o.terminal = r.terminal and o.stan = r.original_stan
          limit 1) o on true
      left join lateral (
        select v.stan from ledger.reversal v
          where r.kind = 4 and v.bucket = p_bucket and v.terminal = r.terminal
            and v.original_stan = r.original_stan
          limit 1) v on true
  ), entered as (
    -- A card account without a row leaves the balance null, and the row is refused.
    insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account, counter_account,
        points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, rules_version,
        previous_terminal, previous_stan, kind, code)
    select p_bucket, d.terminal, d.stan, d.original_stan, d.transaction_id, d.account,
        case when d.kind = 4 and d.result = 0 then d.o_counter_account else d.counter_account end,
        case when d.result <> 0 then 0 when d.kind = 4 then -d.o_points else d.points end,
        case when d.account = 0 then 0
             when d.result <> 0 then d.balance
             when d.kind = 4 then d.balance - d.o_points
             else d.balance + d.points end,
        case when d.kind = 4 and d.result = 0 then d.o_amount_grosze else d.amount_grosze end,
        d.digest, d.accepted_at_ms, d.terminal_time, d.rules_version,
        coalesce(d.last_terminal, 0), coalesce(d.last_stan, 0), d.kind, d.result
      from decided d
      where d.kind not in (5, 6)
      order by d.terminal, d.stan
    on conflict do nothing
    returning terminal, stan, original_stan, transaction_id, account, counter_account, points, balance,
        amount_grosze, accepted_at_ms, rules_version, kind, code
  ), moved as (
    update ledger.account a set balance = e.balance, last_terminal = e.terminal, last_stan = e.stan
      from entered e where a.bucket = p_bucket and a.id = e.account
  ), posted as (
    insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points)
    select p_bucket, 1, e.transaction_id,
        case when e.points > 0 then e.counter_account else e.account end,
        case when e.points > 0 then e.account else e.counter_account end,
        abs(e.points)
      from entered e where e.points <> 0
  ), reversed as (
    insert into ledger.reversal (bucket, terminal, original_stan, stan)
    select p_bucket, e.terminal, e.original_stan, e.stan from entered e where e.kind = 4 and e.code = 0
  )
  select array_agg(x.code), array_agg(x.transaction_id), array_agg(x.points), array_agg(x.balance),
      array_agg(x.amount_grosze), array_agg(x.accepted_at_ms), array_agg(x.rules_version), array_agg(x.kind),
      array_agg(x.counter_account), array_agg(x.replayed), array_agg(x.original_code)
    into codes, transaction_ids, points, balances, amounts_grosze, accepted_at_ms, rules_versions, kinds,
      counter_accounts, replayed, original_codes
    from (
      select e.terminal, e.stan, e.code, e.transaction_id, e.points, e.balance, e.amount_grosze, e.accepted_at_ms,
          e.rules_version, e.kind, e.counter_account, false as replayed, null::smallint as original_code
        from entered e
      union all
      select d.terminal, d.stan, d.result, 0, 0, coalesce(d.balance, 0), d.amount_grosze, d.accepted_at_ms,
          d.rules_version, d.kind, d.counter_account, false, null
        from decided d where d.kind = 6 or (d.kind = 5 and (d.code <> 0 or d.result = 22 or d.o_code is null))
      union all
      select d.terminal, d.stan, d.result, d.o_transaction_id, d.o_points, d.o_balance, d.o_amount_grosze,
          d.o_accepted_at_ms, d.o_rules_version, d.o_kind, d.o_counter_account, false, d.o_code
        from decided d where d.kind = 5 and d.code = 0 and d.result <> 22 and d.o_code is not null
      order by 1, 2
    ) x;

  if cardinality(codes) = cardinality(p_stan) then
    return;
  end if;

  -- Some ids were taken: by an earlier try of the same request, by another request, or by a tombstone. Read what
  -- stands there now, in a new snapshot.
  --
  -- A reversal that lost its own id to a request in flight must leave no tombstone behind: begin again.
  perform from unnest(p_terminal, p_stan, p_kind, p_original_stan, p_digest)
      as r(terminal, stan, kind, original_stan, digest)
    join lateral (select from ledger.journal j
      where r.kind = 4 and j.bucket = p_bucket and j.terminal = r.terminal and j.stan = r.stan
        and j.xmin <> v_xid limit 1) j on true
    join lateral (select from ledger.journal o
      where o.bucket = p_bucket and o.terminal = r.terminal and o.stan = r.original_stan
        and o.digest is null and o.xmin = v_xid limit 1) o on true;
  if found then
    raise exception 'a reversal lost its id after it had settled its original'
      using errcode = 'serialization_failure';
  end if;

  select array_agg(x.code), array_agg(x.transaction_id), array_agg(x.points), array_agg(x.balance),
      array_agg(x.amount_grosze), array_agg(x.accepted_at_ms), array_agg(x.rules_version), array_agg(x.kind),
      array_agg(x.counter_account), array_agg(x.replayed), array_agg(x.original_code)
    into codes, transaction_ids, points, balances, amounts_grosze, accepted_at_ms, rules_versions, kinds,
      counter_accounts, replayed, original_codes
    from (
      select r.terminal, r.stan, j.code, j.transaction_id, j.points, j.balance, j.amount_grosze, j.accepted_at_ms,
          j.rules_version, j.kind, j.counter_account, j.xmin <> v_xid as replayed, null::smallint as original_code
        from unnest(p_terminal, p_stan, p_kind, p_digest) as r(terminal, stan, kind, digest)
        join lateral (select j.*, j.xmin from ledger.journal j
          where j.bucket = p_bucket and j.terminal = r.terminal and j.stan = r.stan limit 1) j on true
        where r.kind not in (5, 6) and (j.digest is null or j.digest = r.digest)
      union all
      select r.terminal, r.stan, 21::smallint, 0, 0, 0, r.amount_grosze, r.accepted_at_ms,
          r.rules_version, r.kind, r.counter_account, false, null
        from unnest(p_terminal, p_stan, p_kind, p_digest, p_amount_grosze, p_accepted_at_ms, p_rules_version,
                    p_counter_account)
             as r(terminal, stan, kind, digest, amount_grosze, accepted_at_ms, rules_version, counter_account)
        join lateral (select j.digest from ledger.journal j
          where j.bucket = p_bucket and j.terminal = r.terminal and j.stan = r.stan limit 1) j on true
        where r.kind not in (5, 6) and j.digest <> r.digest
      union all
      select r.terminal, r.stan, r.code, 0, 0, coalesce(a.balance, 0), r.amount_grosze, r.accepted_at_ms,
          r.rules_version, r.kind, r.counter_account, false, null
        from unnest(p_terminal, p_stan, p_kind, p_account, p_code, p_amount_grosze, p_accepted_at_ms,
                    p_rules_version, p_counter_account)
             as r(terminal, stan, kind, account, code, amount_grosze, accepted_at_ms, rules_version,
                  counter_account)
        left join lateral (select a.balance from ledger.account a
          where a.bucket = p_bucket and a.id = r.account limit 1) a on true
        where r.kind = 6 or (r.kind = 5 and r.code <> 0)
      union all
      select r.terminal, r.stan,
          case when o.account <> r.account and o.account <> 0 then 22 when o.settled_now then 25 else 0 end::smallint,
          o.transaction_id, o.points, o.balance, o.amount_grosze, o.accepted_at_ms,
          o.rules_version, o.kind, o.counter_account, false,
          case when o.account <> r.account and o.account <> 0 then null else o.code end
        from unnest(p_terminal, p_stan, p_kind, p_account, p_code, p_original_stan)
             as r(terminal, stan, kind, account, code, original_stan)
        join lateral (select o.*, o.digest is null and o.xmin = v_xid as settled_now from ledger.journal o
          where o.bucket = p_bucket and o.terminal = r.terminal and o.stan = r.original_stan limit 1) o on true
        where r.kind = 5 and r.code = 0
      order by 1, 2
    ) x;
end
$$;

revoke all on function ledger.post_batch from public;
grant execute on function ledger.post_batch to cityswitch_service;
