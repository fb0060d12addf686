-- The books as an office reads them: whoever serves all programmes reads all, a programme's role what is its own. Each way of
-- reading is a function with the owner's rights, which asks what the reader may see and then reads tables of schema ledger
-- alone: where these lie on several servers (Citus), the registry does not, and no statement may be about both.

-- Who asks, also from within these functions: the role that was set, or else the login.
create function office.reader() returns name language sql stable set search_path = pg_catalog, pg_temp as $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
$$;

create function office.reads_all() returns boolean language sql stable set search_path = pg_catalog, pg_temp as $$
  select pg_catalog.pg_has_role(office.reader(), 'cityswitch_service', 'usage')
    or pg_catalog.pg_has_role(office.reader(),
      (select c.relowner from pg_catalog.pg_class c where c.oid = 'registry.card'::regclass), 'usage')
$$;

-- The programmes whose rows the reader may see; null: all, and what is in no registry.
create function office.programmes() returns smallint[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select case when not office.reads_all() then array(select p.id from registry.programme p
    where exists (select from pg_catalog.pg_roles r where r.rolname = 'cityswitch_programme_' || p.id
      and pg_catalog.pg_has_role(office.reader(), r.oid, 'member'))) end
$$;

create function office.buckets() returns int[]
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select array(select generate_series(0, l.buckets - 1)) from registry.layout l
$$;

-- Whether an account (the low bits: 0002) is one of these programmes, of a partner or of a card of theirs.
create function office.is_account_of(p_account bigint, p_programmes smallint[]) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p_programmes is null or case p_account & 7
    when 3 then p_account >> 3 = any (p_programmes)
    when 0 then exists (select from registry.card c where c.account = p_account and c.programme = any (p_programmes))
    when 6 then exists (select from registry.card c where c.account = p_account - 6 and c.programme = any (p_programmes))
    else exists (select from registry.partner p where p.id = p_account >> 3 and p.programme = any (p_programmes))
  end
$$;

-- Whether a terminal is one of theirs. An office's own hand has one in each programme (ledger/books/hand.py).
create function office.is_terminal_of(p_terminal int, p_programmes smallint[]) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p_programmes is null or case when p_terminal >= 2000000000
    then p_terminal % 10000 = any (p_programmes)
    else exists (select from registry.terminal t join registry.partner p on p.id = t.partner
      where t.id = p_terminal and p.programme = any (p_programmes)) end
$$;

create function office.account_v1(p_bucket int, p_id bigint) returns setof ledger.account
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if office.is_account_of(p_id, office.programmes()) then
    return query select a.* from ledger.account a where a.bucket = p_bucket and a.id = p_id;
  end if;
end
$$;

-- A row of the journal and those before it of the same account, newest first, as far as they may be seen. What is not read
-- is not looked up: a recursion goes as far as its rows are asked for.
create function office.chain_v1(p_bucket int, p_terminal int, p_stan int, p_rows int) returns setof ledger.journal
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  r ledger.journal;
  v_programmes constant smallint[] := office.programmes();
begin
  for r in
    with recursive chain as (
      select j.* from ledger.journal j where j.bucket = p_bucket and j.terminal = p_terminal and j.stan = p_stan
      union all
      select j.* from chain c
        cross join lateral (select * from ledger.journal j
          where j.bucket = p_bucket and j.terminal = c.previous_terminal and j.stan = c.previous_stan limit 1) j
    )
    select * from chain limit p_rows
  loop
    exit when not office.is_terminal_of(r.terminal, v_programmes);
    return next r;
  end loop;
end
$$;

-- The row of an id.
create function office.row_v1(p_terminal int, p_stan int) returns setof ledger.journal
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_buckets constant int[] := office.buckets();
begin
  if office.is_terminal_of(p_terminal, office.programmes()) then
    return query select j.* from ledger.journal j
      where j.bucket = any (v_buckets) and j.terminal = p_terminal and j.stan = p_stan;
  end if;
end
$$;

-- A terminal's rows below a STAN, of each bucket the newest ones and no more than so many.
create function office.rows_below_v1(p_terminal int, p_below bigint, p_rows int) returns setof ledger.journal
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  if office.is_terminal_of(p_terminal, office.programmes()) then
    for v_bucket in 0..cardinality(office.buckets()) - 1 loop
      return query select j.* from ledger.journal j
        where j.bucket = v_bucket and j.terminal = p_terminal and j.stan < p_below order by j.stan desc limit p_rows;
    end loop;
  end if;
end
$$;

-- The rows of a transaction id: one, or of a tombstone and its request two. By the index of time (0061), as those below.
create function office.rows_of_transaction_v1(p_id bigint) returns setof ledger.journal
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  r ledger.journal;
  v_programmes constant smallint[] := office.programmes();
begin
  for r in select j.* from ledger.journal j where j.transaction_id = p_id loop
    if office.is_terminal_of(r.terminal, v_programmes) then
      return next r;
    end if;
  end loop;
end
$$;

-- At most so many of the rows accepted from a moment until before another, in no order.
create function office.rows_between_v1(p_from_ms bigint, p_until_ms bigint, p_rows int) returns setof ledger.journal
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
  r ledger.journal;
  v_programmes constant smallint[] := office.programmes();
  v_found int := 0;
begin
  for r in select j.* from ledger.journal j where j.accepted_at_ms >= p_from_ms and j.accepted_at_ms < p_until_ms loop
    if office.is_terminal_of(r.terminal, v_programmes) then
      exit when v_found = p_rows;
      v_found := v_found + 1;
      return next r;
    end if;
  end loop;
end
$$;

-- What an account of a partner or an organiser comes to: what was rolled up, and the postings since.
create function office.balance_v1(p_account bigint) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_buckets constant int[] := office.buckets();
  v_rolled_up bigint;
  v_since bigint;
begin
  if not office.is_account_of(p_account, office.programmes()) then
    return 0;
  end if;
  select sum(r.balance) into v_rolled_up from ledger.rollup r where r.bucket = any (v_buckets) and r.account = p_account;
  select sum(case when p.credit = p_account then p.points else -p.points end) into v_since
    from (select b.bucket, coalesce(m.through, 0) as through
        from unnest(v_buckets) as b(bucket) left join ledger.rollup_mark m on m.bucket = b.bucket) s
    join ledger.posting p on p.bucket = s.bucket and p.transaction_id > s.through
      and (p.debit = p_account or p.credit = p_account);
  return coalesce(v_rolled_up, 0) + coalesce(v_since, 0);
end
$$;

-- What takes programmes as an argument tells of any: nobody else calls it.
do $$
declare f text;
begin
  for f in select p.oid::regprocedure::text from pg_proc p
    where p.pronamespace = 'office'::regnamespace and p.proname <> 'serves_all'
  loop
    execute format('revoke all on function %s from public', f);
    if f like '%\_v1(%' then
      execute format('grant execute on function %s to cityswitch_service, cityswitch_programme', f);
    end if;
  end loop;
end
$$;
