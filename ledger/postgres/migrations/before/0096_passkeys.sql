-- Passkeys (W3C Web Authentication, level 3): a login's public keys. The private half never leaves its owner's device, so nothing
-- here lets anybody in. Its name is the owner's own word for it, sealed: a holder's under the holder's key (people.key), so that it
-- goes with the person from every copy.

create table web.passkey (
  number     bigint generated always as identity primary key,
  programme  smallint not null,
  login      bigint not null,
  credential bytea not null check (length(credential) between 1 and 1023),
  public_key bytea not null check (length(public_key) between 1 and 1000),  -- COSE_Key
  uses       bigint not null check (uses between 0 and 4294967295),  -- as its device counts; 0 for one that does not
  is_synced  boolean not null,  -- may be on several devices of one owner
  name       bytea not null check (length(name) between 1 and 400),
  created_at timestamptz not null default now(),
  used_at    timestamptz,
  shut_at    timestamptz,  -- since its count went back: a copy of it is about
  unique (programme, credential),
  foreign key (login, programme) references web.login (id, programme) on delete cascade
);
create index passkey_login on web.passkey (login);

-- That it was used is no change of it.
create trigger record_change after insert or delete or update of name, shut_at on web.passkey
  for each row execute function people.record_change('number', 'passkey');
create trigger change_lock before insert or delete or update of name, shut_at on web.passkey
  for each statement execute function registry.take_change_lock();

alter table web.passkey enable row level security;
create policy own_programme on web.passkey to cityswitch_people using (programme in (select registry.my_programmes()))
  with check (programme in (select registry.my_programmes()));
grant select, insert, update, delete on web.passkey to cityswitch_people;
