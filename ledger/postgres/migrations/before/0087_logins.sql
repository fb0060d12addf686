-- Who signs in on the web: holders, officers of desks, partners, organisers. A schema of its own, which the service has no
-- right to enter; a programme's role sees its own logins alone (0050). Nothing here can be used by who reads it: of a login's
-- name there is a keyed hash, of a password its Argon2id, of a session, a code and a recovery code a hash, and the secret of a
-- second factor is sealed under the master key. A holder's login goes with the person (cascade): anonymising removes it too.
-- A representative is somebody without a card, who acts for holders alone (0098), and of whom no more is known here than that.

create schema web;

create table web.login (
  id         bigint generated always as identity primary key,
  programme  smallint not null references registry.programme (id),
  kind       text not null check (kind in ('holder', 'representative', 'officer', 'partner', 'organiser')),
  name_key   bytea not null check (length(name_key) = 32),
  shown      text not null default '' check (length(shown) <= 64),  -- of who works here; of a holder nothing
  account    bigint,
  partner    int references registry.partner (id),
  desk       text not null default '' check (length(desk) <= 64),
  roles      text[] not null default '{}'
    check (roles <@ array['clerk', 'verifier', 'editor', 'accounts', 'admin']),
  password   text not null check (length(password) between 1 and 300),
  totp       bytea check (length(totp) between 1 and 200),
  totp_step  bigint not null default 0,  -- the last step whose code was taken: none is taken twice
  created_at timestamptz not null default now(),
  ended_at   timestamptz,
  unique (programme, name_key),
  unique (id, programme),
  foreign key (account, programme) references people.person (account, programme) on delete cascade,
  check ((kind = 'holder') = (account is not null)),
  check ((kind = 'partner') = (partner is not null)),
  check ((kind in ('holder', 'representative')) = (shown = '')),
  check (kind = 'officer' or roles = '{}')
);
create unique index login_account on web.login (account) where account is not null;

-- One time on from its sign-in to its end. stage: 'enrol' and 'second' are of one who has given the password and not yet what
-- must follow it; such a session opens no page but that one.
create table web.session (
  hash       bytea primary key check (length(hash) = 32),
  programme  smallint not null,
  login      bigint not null,
  number     bigint generated always as identity unique,  -- what a person ends it by
  stage      text not null check (stage in ('enrol', 'second', 'whole')),
  pending    bytea check (length(pending) <= 200),  -- the sealed secret that is being enrolled
  created_at timestamptz not null default now(),
  seen_at    timestamptz not null default now(),
  ends_at    timestamptz not null,
  agent      text not null default '' check (length(agent) <= 120),
  foreign key (login, programme) references web.login (id, programme) on delete cascade
);
create index session_login on web.session (login);
create index session_ends on web.session (ends_at);

create table web.recovery_code (
  login     bigint not null,
  programme smallint not null,
  hash      bytea not null check (length(hash) = 32),
  primary key (login, hash),
  foreign key (login, programme) references web.login (id, programme) on delete cascade
);

-- What failed of late, by a keyed hash of whom it was tried for, or of where it came from.
create table web.attempt (
  programme smallint not null references registry.programme (id),
  key       bytea not null check (length(key) = 32),
  count     int not null check (count >= 0),
  since     timestamptz not null default now(),
  primary key (programme, key)
);
create index attempt_since on web.attempt (since);

-- Codes of one use: a desk's for a holder who wants a login, and those sent by e-mail before a login is another, or the
-- contact. wanted: what a code confirms, the key of the name to come, or the contact, sealed under the holder's key.
create table web.code (
  hash      bytea primary key check (length(hash) = 32),
  programme smallint not null,
  purpose   text not null check (purpose in ('activate', 'rename', 'contact')),
  account   bigint not null,
  wanted    bytea,
  made_at   timestamptz not null default now(),
  ends_at   timestamptz not null,
  check (case purpose when 'activate' then wanted is null when 'rename' then coalesce(length(wanted), 0) = 32
    else coalesce(length(wanted), 0) between 38 and 4096 end),
  unique (account, purpose),
  foreign key (account, programme) references people.person (account, programme) on delete cascade
);

-- Who gives out a code, and why, is kept; that it was used up is seen by the login it made or changed.
create trigger record_change after insert or update on web.code
  for each row execute function people.record_change('account', 'login_code');
create trigger change_lock before insert or update on web.code
  for each statement execute function registry.take_change_lock();

-- The step of a second factor moves at every sign-in: that is no change of a login.
create trigger record_change after insert or delete or update of shown, name_key, desk, roles, password, totp, ended_at on web.login
  for each row execute function people.record_change('id', 'login');
create trigger change_lock before insert or delete or update of shown, name_key, desk, roles, password, totp, ended_at on web.login
  for each statement execute function registry.take_change_lock();

do $$
declare t text;
begin
  foreach t in array array['login', 'session', 'recovery_code', 'attempt', 'code'] loop
    execute format('alter table web.%I enable row level security', t);
    continue when t = 'login';
    execute format('create policy own_programme on web.%I to cityswitch_people using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()))', t);
  end loop;
end
$$;
-- A partner's login is of a partner of the same programme (a person's account is by the foreign key).
create policy own_programme on web.login to cityswitch_people using (programme in (select registry.my_programmes()))
  with check (programme in (select registry.my_programmes())
    and (partner is null or exists (select from registry.partner p where p.id = login.partner and p.programme = login.programme)));

grant usage on schema web to cityswitch_people;
grant select, insert, update, delete on all tables in schema web to cityswitch_people;
