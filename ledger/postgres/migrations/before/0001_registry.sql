-- The registry: who takes part. Small tables, changed by the operator, read by every worker.
-- Every row carries `changed`, a number from one sequence. Writers take one advisory lock for the rest of their
-- transaction before they take a number, so numbers become visible in order and a reader that has seen n
-- never misses a number below n.
-- Every write names its actor (setting cityswitch.actor, for the transaction) and leaves a row in registry.audit:
-- triggers hold both, so that no program and no hand can leave it out. Nothing here is ever deleted.

create schema if not exists registry;

do $$
begin
  if not exists (select from pg_roles where rolname = 'cityswitch_service') then
    create role cityswitch_service login;
  end if;
exception when duplicate_object or unique_violation then
  null;  -- another database of this server was being migrated at the same moment
end
$$;

create sequence registry.change_number;

-- How many buckets the ledger has; `cityswitch ledger rebucket` alone changes it, while no switch runs.
create table registry.layout (
  only_row boolean primary key default true check (only_row),
  buckets  int not null check (buckets between 1 and 4096)
);
insert into registry.layout (buckets) values (1);

-- Which master key this database was initialised with: an HMAC under it, from which the key cannot be had.
create table registry.installation (
  only_row         boolean primary key default true check (only_row),
  master_key_check bytea not null check (octet_length(master_key_check) = 32)
);

create table registry.programme (
  id      smallint primary key check (id between 1 and 9999),
  code    text not null unique check (code ~ '^[a-z][a-z0-9_]{0,31}$'),
  name    text not null check (length(name) between 1 and 64),
  status  smallint not null default 0 check (status in (0, 1)),  -- 0 active, 1 suspended
  changed bigint not null
);

-- Rules are versioned by the moment from which they hold (programmes, C §34).
create table registry.programme_version (
  programme      smallint not null references registry.programme (id),
  version        int not null check (version between 1 and 999999),
  effective_from timestamptz not null,
  rules_toml     text not null check (length(rules_toml) between 1 and 65536),
  changed        bigint not null,
  primary key (programme, version)
);

create table registry.partner (
  id                  int primary key check (id between 1 and 99999999),
  programme           smallint not null references registry.programme (id),
  name                text not null check (length(name) between 1 and 64),
  status              smallint not null default 0 check (status in (0, 1)),  -- 0 active, 1 suspended
  main_partner        boolean not null default false,
  points_step_grosze  int check (points_step_grosze between 1 and 100000000),  -- null: the programme's step
  changed             bigint not null
);

create table registry.terminal (
  id      int primary key check (id between 1 and 99999999),
  partner int not null references registry.partner (id),
  status  smallint not null default 0 check (status in (0, 1)),  -- 0 active, 1 blocked
  label   text not null default '' check (length(label) <= 64),
  changed bigint not null
);

-- A terminal's key, AES-256-GCM-wrapped under a master key the database never sees.
create table registry.terminal_key (
  terminal   int not null references registry.terminal (id),
  generation smallint not null check (generation >= 1),
  wrapped    bytea not null check (octet_length(wrapped) between 44 and 256),
  issued_at  timestamptz not null default now(),
  used_at    timestamptz,  -- the terminal's first sign-on with it: from then on the terminal is known to have it
  not_after  timestamptz,
  retired_at timestamptz,
  changed    bigint not null,
  primary key (terminal, generation)
);

-- Owner numbers of card accounts.
create sequence registry.account_number as bigint minvalue 1 maxvalue 1000000000000;

-- One carrier of an account: 1 a plastic, 2 a transport card, 3 a QR code; of each the account has at most one that is
-- active. It is known by account, carrier and issue, wherever something is kept of it. The number itself is never stored: the
-- token, 8 bytes of BLAKE2s(digits) keyed by the programme's pepper, stands here alone, so that it is gone once it is not here.
-- status: as in registry.card_move (0010), which says what may become of it.
-- past: the statuses it had before, oldest first, at most 16; each the moment it ended, in ms since 1970, << 4 | status. What
-- it was before it was stopped is one of them, however often it was stopped since.
-- valid_past: the last valid days it had before, oldest first, at most 16, two numbers each: the moment it ended, in ms since 1970,
-- and the day, in days since 1970; null: no end.
-- A sale that reaches the switch later than it was made is judged by the status and the last valid day the card had then.
create table registry.card (
  token      bigint not null unique,
  account    bigint not null check (account > 0 and account & 7 = 0),
  changed    bigint not null,
  expires_on date,
  programme  smallint not null references registry.programme (id),
  status     smallint not null default 0 check (status between 0 and 9),
  issue      smallint not null default 1 check (issue between 1 and 9999),
  carrier    smallint not null default 1 check (carrier between 1 and 3),
  last4      char(4) not null check (last4 ~ '^[0-9]{4}$'),
  past       bigint[] check (cardinality(past) between 1 and 16),
  valid_past bigint[] check (cardinality(valid_past) between 2 and 32),
  primary key (account, carrier, issue)
);

create index card_changed on registry.card (changed);

create function registry.take_change_lock() returns trigger language plpgsql as $$
begin
  if coalesce(current_setting('cityswitch.actor', true), '') = '' then
    raise exception 'a write to registry.% must name its actor', tg_table_name;
  end if;
  perform pg_advisory_xact_lock(1667854707, 1);
  return null;
end
$$;

create function registry.number_change() returns trigger language plpgsql as $$
begin
  new.changed := nextval('registry.change_number');
  return new;
end
$$;

create function registry.keep_past() returns trigger language plpgsql as $$
declare
  ended_ms constant bigint := extract(epoch from clock_timestamp()) * 1000;
  -- In the order of the changes, which is not that of the moments where a clock went back.
  past constant bigint[] := old.past || (ended_ms << 4 | old.status);
begin
  new.past := case
    when cardinality(past) <= 16 then past
    when exists (select from unnest(past[2:]) as p(entry) where p.entry & 15 not in (1, 2, 7)) then past[2:]
    else past[1] || past[3:]
  end;
  return new;
end
$$;

create function registry.keep_valid_past() returns trigger language plpgsql as $$
declare
  past constant bigint[] := old.valid_past || array[(extract(epoch from clock_timestamp()) * 1000)::bigint,
    (old.expires_on - date '1970-01-01')::bigint];
begin
  new.valid_past := case when cardinality(past) <= 32 then past else past[3:] end;
  return new;
end
$$;

create function registry.tell_change() returns trigger language plpgsql as $$
begin
  perform pg_notify('registry', '');
  return null;
end
$$;

create function registry.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% on registry.%: what is written there stays', tg_op, tg_table_name;
end
$$;

create function registry.keep_key() returns trigger language plpgsql as $$
begin
  raise exception 'a row of registry.% keeps its key', tg_table_name;
end
$$;

-- Who wrote what, when and why, with the row before and after, each with its change number: so what the registry was at
-- any number can be had again. Key material, cards' tokens and rules texts are left out (the last stay in programme_version for
-- ever). role is the login, actor who it says it worked for. A statement
-- that inserts many cards leaves one row: key '', how many, and from which account to which.
create table registry.audit (
  id     bigint generated always as identity primary key,
  at     timestamptz not null default clock_timestamp(),
  actor  text not null check (length(actor) between 1 and 64),
  role   text not null default session_user,
  reason text not null default '' check (length(reason) <= 200),
  source text not null default '' check (length(source) <= 400),  -- of an import: file and SHA-256
  hand   text not null default 'desk' check (length(hand) between 1 and 32),  -- of a card's move: by whose it was made
  second text not null default '' check (length(second) <= 64 and second <> actor),  -- who else agreed
  programme smallint,  -- whose row it was; null: the installation's
  object text not null,
  key    text not null,
  rows   int not null default 1 check (rows >= 1),
  before jsonb,
  after  jsonb not null
);
create index audit_key on registry.audit (object, key);

-- A name as it is compared: forms, capitals and spaces make no other person.
create function registry.folded_name(p_name text) returns text language sql immutable parallel safe as $$
  select regexp_replace(btrim(lower(normalize(p_name, NFKC))), '\s+', ' ', 'g')
$$;

-- Refuses what two persons do by the programme's rules ([second_person]; whoever writes says so, and the row keeps it) where no
-- second one is named, or the same.
create function registry.check_second(p_needed boolean, p_what text) returns void language plpgsql as $$
begin
  if p_needed and registry.folded_name(coalesce(current_setting('cityswitch.second', true), ''))
      in ('', registry.folded_name(current_setting('cityswitch.actor'))) then
    raise exception '% wants a second person', p_what using errcode = 'integrity_constraint_violation';
  end if;
end
$$;

-- By whose hand a card changes (setting cityswitch.hand, for the transaction); nobody said: the desk's.
create function registry.hand() returns text language sql stable as $$
  select coalesce(nullif(current_setting('cityswitch.hand', true), ''), 'desk')
$$;

-- Whose a row of a table is; null: the installation's.
create function registry.programme_of(p_table text, p_row jsonb) returns smallint language plpgsql stable as $$
begin
  return case
    when p_table = 'programme' then (p_row ->> 'id')::smallint
    when p_row ? 'programme' then (p_row ->> 'programme')::smallint
    when p_row ? 'partner' then (select p.programme from registry.partner p where p.id = (p_row ->> 'partner')::int)
    when p_row ? 'terminal' then (select p.programme from registry.terminal t join registry.partner p on p.id = t.partner
                                    where t.id = (p_row ->> 'terminal')::int)
  end;
end
$$;

-- The newest number of a holder that the trail tells: of its own row, or of those that came by the hundred with it.
create function registry.told_change(p_account bigint) returns bigint
language sql stable set search_path = pg_catalog, pg_temp as $$
  select coalesce(
    (select (a.after ->> 'changed')::bigint from registry.audit a where a.object = 'holder' and a.key = p_account::text
      order by a.id desc limit 1),
    (select (a.after ->> 'changed_last')::bigint from registry.audit a where a.object = 'holder' and a.key = ''
      and p_account between (a.after ->> 'account_first')::bigint and (a.after ->> 'account_last')::bigint
      order by a.id desc limit 1))
$$;

-- As the owner, so that the service leaves its rows too without a right to write them by hand.
create function registry.record_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_actor  constant text := current_setting('cityswitch.actor');
  v_reason constant text := coalesce(current_setting('cityswitch.reason', true), '');
  v_source constant text := coalesce(current_setting('cityswitch.source', true), '');
  v_hand   constant text := registry.hand();
  v_second constant text := coalesce(current_setting('cityswitch.second', true), '');
  v_kinds constant text[] := array['kinds', 'kinds_from', 'kinds_before', 'next_from', 'kinds_next'];
  v_hidden constant text[] := array['wrapped', 'rules_toml', 'token'] || v_kinds;
begin
  if tg_table_name = 'holder' and tg_op = 'UPDATE' then
    -- The days on which kinds change are birthdays, which stay with nobody who was erased: a change of kinds alone leaves no
    -- row, nor its number in the next one's before, which stands between numbers whose days are known.
    insert into registry.audit (actor, reason, source, hand, second, programme, object, key, before, after)
      select v_actor, v_reason, v_source, v_hand, v_second, n.programme, tg_table_name, n.account,
          to_jsonb(o) - v_hidden || jsonb_build_object('changed', coalesce(registry.told_change(o.account), o.changed)),
          to_jsonb(n) - v_hidden
        from new_rows n join old_rows o using (account)
        where to_jsonb(n) - v_kinds - 'changed' <> to_jsonb(o) - v_kinds - 'changed'
          or to_jsonb(n) - 'changed' = to_jsonb(o) - 'changed';
    return null;
  end if;
  if tg_op = 'UPDATE' then
    insert into registry.audit (actor, reason, source, hand, second, programme, object, key, before, after)
      select v_actor, v_reason, v_source, v_hand, v_second, registry.programme_of(tg_table_name, n.fields), tg_table_name, n.key, o.fields - v_hidden, n.fields - v_hidden
        from (select registry.key_of(tg_argv, to_jsonb(t)) as key, to_jsonb(t) as fields from new_rows t) n
        left join (select registry.key_of(tg_argv, to_jsonb(t)) as key, to_jsonb(t) as fields from old_rows t) o
          using (key);
    return null;
  end if;
  if tg_table_name in ('card', 'holder') and (select count(*) from new_rows) > 100 then
    insert into registry.audit (actor, reason, source, hand, second, programme, object, key, rows, after)
      select v_actor, v_reason, v_source, v_hand, v_second, programme, tg_table_name, '', count(*),
          jsonb_build_object('programme', programme, 'account_first', min(account), 'account_last', max(account),
            'changed_last', max(changed))
        from new_rows group by programme;
    return null;
  end if;
  insert into registry.audit (actor, reason, source, hand, second, programme, object, key, after)
    select v_actor, v_reason, v_source, v_hand, v_second, registry.programme_of(tg_table_name, to_jsonb(t)), tg_table_name, registry.key_of(tg_argv, to_jsonb(t)), to_jsonb(t) - v_hidden
      from new_rows t;
  return null;
end
$$;

create function registry.key_of(columns text[], fields jsonb) returns text
language sql immutable parallel safe as $$
  select coalesce(string_agg(fields ->> c, '/' order by n), '') from unnest(columns) with ordinality as k(c, n)
$$;

-- What every table that is written by hand or program has: writes one at a time and with an actor, their rows in the trail,
-- nothing deleted, and a row's key for ever (`before` in the trail is found by it). p_key: the key's columns; null: it has
-- one row. p_followed: the switch follows it by its column `changed`.
create procedure registry.keep_trail(p_table text, p_key text, p_followed boolean default true) language plpgsql as $$
declare
  v_key constant text := coalesce(p_key, 'only_row');
begin
  execute format('create trigger change_lock before insert or update on registry.%I
                  for each statement execute function registry.take_change_lock()', p_table);
  execute format('create trigger record_insert after insert on registry.%I referencing new table as new_rows
                  for each statement execute function registry.record_change(%s)', p_table, p_key);
  execute format('create trigger record_update after update on registry.%I
                  referencing old table as old_rows new table as new_rows
                  for each statement execute function registry.record_change(%s)', p_table, p_key);
  execute format('create trigger key_stays before update on registry.%I
                  for each row when ((old.%s) is distinct from (new.%s)) execute function registry.keep_key()',
                 p_table, replace(v_key, ',', ', old.'), replace(v_key, ',', ', new.'));
  execute format('create trigger nothing_deleted before delete or truncate on registry.%I
                  for each statement execute function registry.refuse_change()', p_table);
  if p_followed then
    execute format('create trigger change_number before insert or update on registry.%I
                    for each row execute function registry.number_change()', p_table);
    execute format('create trigger change_told after insert or update on registry.%I
                    for each statement execute function registry.tell_change()', p_table);
  end if;
end
$$;
revoke all on procedure registry.keep_trail from public;

call registry.keep_trail('layout', null, false);
call registry.keep_trail('installation', null, false);
call registry.keep_trail('programme', 'id');
call registry.keep_trail('programme_version', 'programme,version');
call registry.keep_trail('partner', 'id');
call registry.keep_trail('terminal', 'id');
call registry.keep_trail('terminal_key', 'terminal,generation');
call registry.keep_trail('card', 'account,carrier,issue');
create trigger keep_past before update on registry.card
  for each row when (old.status <> new.status) execute function registry.keep_past();
create trigger keep_valid_past before update on registry.card
  for each row when (old.expires_on is distinct from new.expires_on) execute function registry.keep_valid_past();
create trigger rules_stay before update on registry.programme_version
  for each statement execute function registry.refuse_change();
create trigger audit_stays before update or delete or truncate on registry.audit
  for each statement execute function registry.refuse_change();

grant usage on schema registry to cityswitch_service;
grant select on all tables in schema registry to cityswitch_service;
revoke select on registry.audit from cityswitch_service;
grant usage on sequence registry.change_number to cityswitch_service;
-- The first use of a key generation is noted and retires the older ones; that is all the service may change here.
grant update (used_at, retired_at) on registry.terminal_key to cityswitch_service;
