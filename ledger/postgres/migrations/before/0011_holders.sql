-- What decides about a holder, one row an account: no name, number, address or date of birth. Those lie in schema people
-- (0012), which the service cannot read. A card account without a row has no holder's data at all.

alter table registry.programme_version add column time_zone text not null default 'Europe/Warsaw';

-- Of a version of the rules: from which completed year of life on which set of kinds (a bit mask) holds. Derived from the
-- rules when they are published, so that the database can advance kinds without being told how by the service.
create table registry.kind_step (
  programme smallint not null,
  version   int not null,
  from_age  smallint not null check (from_age between 0 and 200),
  kinds     int not null check (kinds between 0 and 65535),
  primary key (programme, version, from_age),
  foreign key (programme, version) references registry.programme_version (programme, version)
);
create trigger change_lock before insert on registry.kind_step
  for each statement execute function registry.take_change_lock();
create trigger steps_stay before update or delete or truncate on registry.kind_step
  for each statement execute function registry.refuse_change();

-- kinds holds from kinds_from until the day before next_from; before it was kinds_before, then it is kinds_next. A null day:
-- no such change. Entitled until that day, that day included; null: nothing was proved. contract_ends_on: the earliest day of
-- what ends the contract and was not taken back (registry.ending); the cards are void after it. past: what flags, entitled_until and
-- contract_ends_on were before, oldest first, at most 16 times, four numbers each: the moment it ended, in ms since 1970, and the
-- three, days as days since 1970. A sale that reaches the switch later than it was made is judged by what they were then.
create table registry.holder (
  account         bigint primary key check (account > 0 and account & 7 = 0),
  changed         bigint not null,
  kinds_from      date,
  next_from       date,
  entitled_until  date,
  contract_ends_on date,
  resigned_on     date,
  kinds_before    int not null default 0 check (kinds_before between 0 and 65535),
  kinds           int not null default 0 check (kinds between 0 and 65535),
  kinds_next      int not null default 0 check (kinds_next between 0 and 65535),
  flags           int not null default 0 check (flags between 0 and 65535),
  programme       smallint not null references registry.programme (id),
  tax_year        smallint check (tax_year between 1990 and 2200),  -- the newest proof
  guardian        boolean not null default false,
  past            bigint[] check (cardinality(past) between 0 and 64),
  unique (account, programme),
  check (kinds_from < next_from)
);
create index holder_changed on registry.holder (changed);
create index holder_due on registry.holder (next_from) where next_from is not null;
create index holder_ends on registry.holder (contract_ends_on) where contract_ends_on is not null;

call registry.keep_trail('holder', 'account');

create function registry.keep_holder_past() returns trigger language plpgsql as $$
declare
  past constant bigint[] := old.past || array[(extract(epoch from clock_timestamp()) * 1000)::bigint, old.flags::bigint,
    (old.entitled_until - date '1970-01-01')::bigint, (old.contract_ends_on - date '1970-01-01')::bigint];
begin
  new.past := case when cardinality(past) <= 64 then past else past[5:] end;
  return new;
end
$$;
-- Who puts `past` anew forgets what was (an erasure).
create trigger keep_past before update on registry.holder
  for each row when ((old.flags, old.entitled_until, old.contract_ends_on) is distinct from
      (new.flags, new.entitled_until, new.contract_ends_on) and old.past is not distinct from new.past)
  execute function registry.keep_holder_past();

-- What ends a contract at a day of its own: a notice of the organiser (Zgierz § 33), an objection to announced rules (§ 35). Each is a row
-- that stays, whether it is taken back or not, and none takes another's place: of those that stand the earliest day is the holder's.
create table registry.ending (
  number     bigint generated always as identity primary key,
  account    bigint not null,
  programme  smallint not null references registry.programme (id),
  kind       text not null check (kind in ('notice', 'objection')),
  given_on   date not null,
  ends_on    date not null,
  given_at   timestamptz not null,
  given_by   text not null check (length(given_by) between 1 and 64),
  given_hand text not null,
  withdrawn_at   timestamptz,
  withdrawn_by   text check (length(withdrawn_by) between 1 and 64),
  withdrawn_hand text,
  foreign key (account, programme) references registry.holder (account, programme),
  check (num_nulls(withdrawn_at, withdrawn_by, withdrawn_hand) in (0, 3))
);
create index ending_account on registry.ending (account);

call registry.keep_trail('ending', 'number', false);

-- When, by whom and by which way is not for whoever writes to say. What was given is taken back once, and stays what it was.
create function registry.check_ending() returns trigger language plpgsql as $$
begin
  if registry.hand() like 'holder-%' and people.needs_guardian(new.account) then
    raise exception 'whoever has a guardian does not end the contract alone';
  end if;
  if tg_op = 'INSERT' then
    new.given_at := clock_timestamp();
    new.given_by := current_setting('cityswitch.actor');
    new.given_hand := registry.hand();
    new.withdrawn_at := null;
    new.withdrawn_by := null;
    new.withdrawn_hand := null;
    return new;
  end if;
  if old.withdrawn_at is not null or new.withdrawn_at is null
      or (to_jsonb(new) - array['withdrawn_at', 'withdrawn_by', 'withdrawn_hand'])
        is distinct from (to_jsonb(old) - array['withdrawn_at', 'withdrawn_by', 'withdrawn_hand']) then
    raise exception 'ending %: it is taken back once, and nothing else of it changes', old.number;
  end if;
  new.withdrawn_at := clock_timestamp();
  new.withdrawn_by := current_setting('cityswitch.actor');
  new.withdrawn_hand := registry.hand();
  return new;
end
$$;
create trigger ending_fits before insert or update on registry.ending
  for each row execute function registry.check_ending();

create function registry.end_contract_then() returns trigger language plpgsql as $$
begin
  update registry.holder h set contract_ends_on = e.ends_on
    from (select min(o.ends_on) as ends_on from registry.ending o
      where o.account = new.account and o.withdrawn_at is null) e
    where h.account = new.account and h.contract_ends_on is distinct from e.ends_on;
  return null;
end
$$;
create trigger ends_contract after insert or update on registry.ending
  for each row execute function registry.end_contract_then();

-- Today in a programme's own time zone, by the rules in force.
create function registry.today_of(p_programme smallint) returns date language sql stable as $$
  select (now() at time zone coalesce((
    select v.time_zone from registry.programme_version v
      where v.programme = p_programme and v.effective_from <= now()
      order by v.effective_from desc, v.version desc limit 1), 'Europe/Warsaw'))::date
$$;

-- What state a card has today: void from the moment on after the last day of its account's contract, whether it was written
-- or not yet (end_notices_v1). What may be done with a card is judged by this.
create function registry.status_today(p_account bigint, p_status smallint) returns smallint language sql stable as $$
  select case when p_status in (0, 1, 2, 4, 5, 7) and exists (
      select from registry.holder h
        where h.account = p_account and h.contract_ends_on < registry.today_of(h.programme))
    then 9::smallint else p_status end
$$;

-- What ended a contract: of what stands the earliest end, and of two on one day what was given first.
create function registry.ended_by(p_account bigint) returns text language sql stable as $$
  select o.kind from registry.ending o
    where o.account = p_account and o.withdrawn_at is null order by o.ends_on, o.number limit 1
$$;

-- A notice that has run out, or an objection to changed rules, voids the cards of its account (Zgierz § 33, § 35), and the trail
-- says which; for the service, which may call it and not write.
-- Until it is called the last valid day of the cards has passed all the same. Returns how many cards became void.
create function registry.end_notices_v1() returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_by record;
  v_now int;
  v_ended int := 0;
begin
  if not exists (
    select from registry.holder h join registry.card c using (account)
      where h.contract_ends_on < registry.today_of(h.programme) and c.status in (0, 1, 2, 4, 5, 7)
  ) then
    return 0;
  end if;
  perform set_config('cityswitch.actor', 'keeper', true), set_config('cityswitch.hand', 'clock', true),
    set_config('cityswitch.source', '', true);
  for v_by in select * from (values ('notice', 'the notice has run out'),
      ('objection', 'an objection to changed rules has ended the contract')) as w(kind, reason) loop
    perform set_config('cityswitch.reason', v_by.reason, true);
    update registry.card c set status = 9
      from registry.holder h
      where h.account = c.account and h.contract_ends_on < registry.today_of(h.programme)
        and c.status in (0, 1, 2, 4, 5, 7) and registry.ended_by(h.account) = v_by.kind;
    get diagnostics v_now = row_count;
    v_ended := v_ended + v_now;
  end loop;
  return v_ended;
end
$$;

grant select on registry.holder, registry.kind_step to cityswitch_service;
revoke all on function registry.end_notices_v1 from public;
grant execute on function registry.end_notices_v1 to cityswitch_service;
