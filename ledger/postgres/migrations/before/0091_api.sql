-- Which systems may use the HTTP API, each for one programme, and what it was answered, so that a write that is asked for twice is
-- done once. A token is 256 random bits; here stands its SHA-256, from which it cannot be had.
create table registry.api_token (
  number    bigint generated always as identity primary key,
  programme smallint not null references registry.programme (id),
  name      text not null check (length(name) between 1 and 64),
  digest    bytea not null unique check (octet_length(digest) = 32),
  rights    text[] not null check (cardinality(rights) >= 1 and rights <@ array['holders:read', 'holders:write', 'offers:read',
              'statements:read', 'events:read']),
  partner   int,  -- whose statements alone; null: of all partners
  made_at   timestamptz not null default clock_timestamp(),
  ends_at   timestamptz,
  ended_at  timestamptz,
  foreign key (programme, partner) references registry.partner (programme, id)
);
call registry.keep_trail('api_token', 'number', false);

create function registry.keep_token() returns trigger language plpgsql as $$
begin
  raise exception 'a token keeps what it may: end it and make another';
end
$$;
create trigger token_stays before update on registry.api_token for each row
  when ((old.programme, old.name, old.digest, old.rights, old.partner, old.made_at, old.ends_at)
    is distinct from (new.programme, new.name, new.digest, new.rights, new.partner, new.made_at, new.ends_at)
    or old.ended_at is not null)
  execute function registry.keep_token();

create table registry.api_answer (
  programme smallint not null references registry.programme (id),
  token     bigint not null references registry.api_token (number),
  key       text not null check (length(key) between 1 and 64),
  asked     bytea not null check (octet_length(asked) = 32),  -- SHA-256 of what was asked
  status    smallint not null check (status between 200 and 299),
  body      text not null check (length(body) <= 16384),  -- numbers, states and days; nothing of a person
  made_at   timestamptz not null default clock_timestamp(),
  primary key (token, key)
);

do $$
declare t text; more text;
begin
  for t, more in select v.t, v.more from (values
      ('registry.api_token', ''),
      ('registry.api_answer', ' and exists (select from registry.api_token k where k.number = api_answer.token)')) as v(t, more)
  loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy own_programme on %s to cityswitch_programme
                    using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes())%s)', t, more);
  end loop;
end
$$;
grant select, insert (programme, name, digest, rights, partner, ends_at), update (ended_at) on registry.api_token
  to cityswitch_programme;
grant select, insert, delete on registry.api_answer to cityswitch_programme;
