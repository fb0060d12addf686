-- Corrections and opening balances: what the office changes of cards' points without a till. One person proposes, with a
-- reason; another, who is told what it comes to, approves; then it is posted, as ADJUSTMENT, against the organiser's account.
-- Triggers hold it, whatever program or hand writes: two people, rows that stay as they were proposed, one decision.
-- An id of the books for each row: terminal 2,000,000,000 + programme (a number no terminal can have), STAN = its number.

-- kind: 1 correction, 2 opening balance. state: 1 proposed, 2 approved, 3 refused.
create table registry.adjustment (
  number        bigint generated always as identity primary key,
  programme     smallint not null references registry.programme (id),
  kind          smallint not null check (kind in (1, 2)),
  state         smallint not null default 1 check (state between 1 and 3),
  reason        text not null check (length(btrim(reason)) between 1 and 200),
  source        text not null default '' check (length(source) <= 400),  -- of an import: file and SHA-256
  rows          int not null check (rows between 1 and 200000),
  points_sum    bigint not null,
  may_go_below  boolean not null,  -- a card may go below zero by it: the rules' word when it was proposed
  rules_version int not null check (rules_version >= 1),
  proposed_by   text not null default current_setting('cityswitch.actor') check (length(proposed_by) between 1 and 64),
  proposed_at   timestamptz not null default clock_timestamp(),
  decided_by    text check (length(decided_by) between 1 and 64),
  decided_at    timestamptz,
  decision      text not null default '' check (length(decision) <= 200),
  second_needed boolean not null default true,  -- by the rules of the day it was proposed; then this table sees to it
  check ((state = 1) = (decided_by is null) and (state = 1) = (decided_at is null)),
  check (state <> 2 or not second_needed or registry.folded_name(decided_by) <> registry.folded_name(proposed_by))
);
create index adjustment_proposed on registry.adjustment (number) where state = 1;

create table registry.adjustment_row (
  number     int generated always as identity primary key,
  adjustment bigint not null references registry.adjustment (number),
  programme  smallint not null references registry.programme (id),
  account    bigint not null check (account > 0 and account & 7 = 0),
  last4      char(4) not null check (last4 ~ '^[0-9]{4}$'),
  points     bigint not null check (points <> 0 and points between -1000000000 and 1000000000),
  reference  text not null default '' check (length(reference) <= 64),  -- what the old system called it
  posted_at  timestamptz,
  code       smallint,  -- 0 posted; else why not: 60, the card would have gone below zero
  balance    bigint,    -- after it
  check ((posted_at is null) = (code is null) and (posted_at is null) = (balance is null))
);
create index adjustment_row_of on registry.adjustment_row (adjustment, number);
create index adjustment_row_account on registry.adjustment_row (account);
create index adjustment_row_open on registry.adjustment_row (adjustment, number) where posted_at is null;

call registry.keep_trail('adjustment', 'number', false);

create function registry.decide_adjustment() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_rows bigint;
  v_points bigint;
begin
  if old.state <> 1 or new.state not in (2, 3)
      or (to_jsonb(new) - array['state', 'decision', 'decided_by', 'decided_at'])
        is distinct from (to_jsonb(old) - array['state', 'decision', 'decided_by', 'decided_at']) then
    raise exception 'adjustment %: it is decided once, and stays as it was proposed', old.number;
  end if;
  new.decided_by := current_setting('cityswitch.actor');
  new.decided_at := clock_timestamp();
  if new.state = 2 then
    if old.second_needed and registry.folded_name(new.decided_by) = registry.folded_name(old.proposed_by) then
      raise exception 'adjustment %: another person approves it than proposed it', old.number;
    end if;
    select count(*), coalesce(sum(r.points), 0) into v_rows, v_points
      from registry.adjustment_row r where r.adjustment = old.number;
    if (v_rows, v_points) is distinct from (old.rows::bigint, old.points_sum) then
      raise exception 'adjustment %: its rows are not what was proposed', old.number;
    end if;
  end if;
  return new;
end
$$;
create trigger decide before update on registry.adjustment
  for each row execute function registry.decide_adjustment();

create function registry.propose_adjustment() returns trigger language plpgsql as $$
begin
  if new.state <> 1 or new.proposed_by <> current_setting('cityswitch.actor') then
    raise exception 'an adjustment begins as a proposal of who writes it';
  end if;
  return new;
end
$$;
create trigger propose before insert on registry.adjustment
  for each row execute function registry.propose_adjustment();

-- A row comes with its proposal, of its programme's cards, and afterwards says one time what became of it.
create function registry.check_adjustment_rows() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from new_rows r
      left join registry.adjustment a on a.number = r.adjustment
      where a.state is distinct from 1 or a.programme <> r.programme or r.posted_at is not null
        or not exists (select from registry.card c where c.account = r.account and c.programme = r.programme)) then
    raise exception 'rows belong to an adjustment that is proposed, and to cards of its programme';
  end if;
  return null;
end
$$;
create trigger rows_belong after insert on registry.adjustment_row referencing new table as new_rows
  for each statement execute function registry.check_adjustment_rows();
create trigger change_lock before insert or update on registry.adjustment_row
  for each statement execute function registry.take_change_lock();
create trigger row_stays before update on registry.adjustment_row
  for each row when (old.posted_at is not null or new.posted_at is null
    or (old.number, old.adjustment, old.programme, old.account, old.last4, old.points, old.reference)
      is distinct from (new.number, new.adjustment, new.programme, new.account, new.last4, new.points, new.reference))
  execute function registry.refuse_change();
create trigger nothing_deleted before delete or truncate on registry.adjustment_row
  for each statement execute function registry.refuse_change();

do $$
declare t text;
begin
  foreach t in array array['registry.adjustment', 'registry.adjustment_row'] loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy serves_all on %s to cityswitch_service using (true) with check (true)', t);
    execute format('create policy own_programme on %s to cityswitch_programme using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()))', t);
  end loop;
end
$$;
grant select on registry.adjustment, registry.adjustment_row to cityswitch_service, cityswitch_programme;
grant insert on registry.adjustment, registry.adjustment_row to cityswitch_programme;
grant update (state, decision) on registry.adjustment to cityswitch_programme;
grant update (posted_at, code, balance) on registry.adjustment_row to cityswitch_service;  -- it posts them
