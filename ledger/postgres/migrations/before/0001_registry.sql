-- The registry: who takes part. Small tables, changed by the operator, read by every worker.
-- Every row carries `changed`, a number from one sequence. Writers take one advisory lock for the rest of their
-- transaction before they take a number, so numbers become visible in order and a reader that has seen n
-- never misses a number below n.

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

-- How many buckets the ledger was created with; fixed from then on (`cityswitch ledger rebucket` makes a new one).
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
  not_after  timestamptz,
  retired_at timestamptz,
  changed    bigint not null,
  primary key (terminal, generation)
);

-- Owner numbers of card accounts.
create sequence registry.account_number as bigint minvalue 1 maxvalue 1000000000000;

-- One plastic. The number itself is never stored: the token is 8 bytes of HMAC-SHA256(pepper, digits).
-- status: 0 active, 1 blocked, 2 retain, 3 replaced, 4 ordered, 5 ready, 6 closed.
-- past: the statuses it had before, oldest first, at most 16; each the moment it ended, in ms since 1970, << 3 | status.
-- A sale that reaches the switch later than it was made is judged by the status the card had then.
create table registry.card (
  token      bigint primary key,
  account    bigint not null check (account > 0 and account & 7 = 0),
  changed    bigint not null,
  flags      int not null default 0,
  expires_on date,
  programme  smallint not null references registry.programme (id),
  status     smallint not null default 0 check (status between 0 and 6),
  issue      smallint not null default 1 check (issue between 1 and 9999),
  last4      char(4) not null check (last4 ~ '^[0-9]{4}$'),
  past       bigint[] check (cardinality(past) between 1 and 16)
);

create unique index card_issue on registry.card (account, issue);
create index card_changed on registry.card (changed);

create function registry.take_change_lock() returns trigger language plpgsql as $$
begin
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
  past bigint[] := old.past;
begin
  -- A clock that went back must not put the end of one status before the end of the one before it.
  past := past || (greatest(ended_ms, past[cardinality(past)] >> 3) << 3 | old.status);
  new.past := past[greatest(cardinality(past) - 15, 1):];
  return new;
end
$$;

create function registry.tell_change() returns trigger language plpgsql as $$
begin
  perform pg_notify('registry', '');
  return null;
end
$$;

do $$
declare t text;
begin
  foreach t in array array['programme', 'programme_version', 'partner', 'terminal', 'terminal_key', 'card'] loop
    execute format('create trigger change_lock before insert or update on registry.%I
                    for each statement execute function registry.take_change_lock()', t);
    execute format('create trigger change_number before insert or update on registry.%I
                    for each row execute function registry.number_change()', t);
    execute format('create trigger change_told after insert or update on registry.%I
                    for each statement execute function registry.tell_change()', t);
  end loop;
end
$$;
create trigger keep_past before update on registry.card
  for each row when (old.status <> new.status) execute function registry.keep_past();

grant usage on schema registry to cityswitch_service;
grant select on all tables in schema registry to cityswitch_service;
grant usage on sequence registry.change_number to cityswitch_service;
-- The first use of a new key generation retires the older ones; that is all the service may change here.
grant update (retired_at) on registry.terminal_key to cityswitch_service;
