-- Who the holders are. A schema of its own, which the service has no right to enter: whatever reads memory, logs or queries
-- of a switch meets no name, PESEL, address, phone, e-mail or date of birth. What says who somebody is stands here sealed
-- (bytea) under the holder's own key, which lies outside the database: 37 bytes longer than the text, empty for an empty one.
-- The trail tells which columns were written, never what stood in them. Anonymising removes the rows here and destroys the
-- key, so that no older copy of them can be read; registry and books stay.

create schema people;

do $$
begin
  if not exists (select from pg_roles where rolname = 'cityswitch_people') then
    create role cityswitch_people nologin;
  end if;
exception when duplicate_object or unique_violation then
  null;  -- another database of this server was being migrated at the same moment
end
$$;

-- Which key of the vault, a file outside the database, is whose: of an account, or (null) of who applied for one. The key is
-- destroyed when somebody is erased, and the row goes: one that comes back with a restored backup is erased again.
create table people.key (
  key       bigint primary key check (key > 0),
  account   bigint unique,
  programme smallint not null references registry.programme (id)
);

create table people.person (
  account    bigint primary key,
  born_on    date check (born_on >= date '1880-01-01'),
  created_at timestamptz not null default now(),
  programme  smallint not null references registry.programme (id),
  name       bytea not null check (octet_length(name) between 38 and 837),
  pesel      bytea not null default '' check (octet_length(pesel) in (0, 48)),
  address    bytea not null default '' check (octet_length(address) <= 1237),
  phone      bytea not null default '' check (octet_length(phone) <= 165),
  email      bytea not null default '' check (octet_length(email) <= 1053),
  channel    text not null default '' check (channel in ('', 'phone', 'sms', 'email')),
  pickup     bytea not null default '' check (octet_length(pickup) <= 293),
  unique (account, programme),
  foreign key (account, programme) references registry.holder (account, programme),  -- nobody else's holder
  check (channel = '' or (channel = 'email' and email <> '') or (channel in ('phone', 'sms') and phone <> ''))
);

-- One number, one account that goes on (Zgierz § 7), beside those that ended (§ 28): a PESEL is known again by its token, a basket (the first byte) and its HMAC under a key
-- of the vault that this basket has. When somebody of a basket is erased it gets another key: the rest have new tokens, and no
-- PESEL can be told from the tokens of an older copy.
create table people.pesel_token (
  programme smallint not null references registry.programme (id),
  token     bytea not null check (octet_length(token) = 16),
  account   bigint primary key,
  is_current boolean not null,  -- whether the contract of the account went on when this was last looked at
  foreign key (account, programme) references people.person (account, programme) on delete cascade
);
create index pesel_token_known on people.pesel_token (programme, token);
create unique index pesel_token_current on people.pesel_token (programme, token) where is_current;

create table people.token_key (
  programme smallint not null references registry.programme (id),
  basket    smallint not null check (basket between 0 and 255),
  key       bigint not null unique,
  primary key (programme, basket)
);

-- Each time a consent was given, until it was withdrawn; given again it is a row of its own, on the same day, too.
create table people.consent (
  number       bigint generated always as identity primary key,  -- their order, whatever the clock said
  account      bigint not null,
  programme    smallint not null references registry.programme (id),
  kind         text not null check (kind in ('data', 'newsletter')),  -- Zgierz § 13, § 14
  given_at     timestamptz not null default clock_timestamp(),
  withdrawn_at timestamptz,
  foreign key (account, programme) references people.person (account, programme) on delete cascade
);
create index consent_account on people.consent (account);
create unique index consent_given on people.consent (account, kind) where withdrawn_at is null;

-- Who may act for a holder: a proxy, or a parent or legal guardian (Zgierz § 12, § 20, § 24). A number is one person's for good: it
-- comes back with nobody else, neither when that one has ended nor when the holder is erased, and is never changed.
create table people.representative (
  account   bigint not null,
  programme smallint not null references registry.programme (id),
  number    bigint generated always as identity,
  role      text not null check (role in ('proxy', 'guardian')),
  name      bytea not null check (octet_length(name) between 38 and 837),
  phone     bytea not null default '' check (octet_length(phone) <= 165),
  email     bytea not null default '' check (octet_length(email) <= 1053),
  until     date,
  primary key (account, number),
  foreign key (account, programme) references people.person (account, programme) on delete cascade
);

-- Where a holder was told before contact changed, an e-mail address or a telephone number, sealed as the person's: kept until
-- that place has been told of the change (the notice of holder.contact_changed, which names the number).
create table people.former_contact (
  number    bigint generated always as identity primary key,
  account   bigint not null,
  programme smallint not null references registry.programme (id),
  email     bytea not null default '' check (octet_length(email) <= 1053),
  phone     bytea not null default '' check (octet_length(phone) <= 165),
  made_at   timestamptz not null default clock_timestamp(),
  foreign key (account, programme) references people.person (account, programme) on delete cascade,
  check ((email = '') <> (phone = ''))
);
create index former_contact_account on people.former_contact (account);
create trigger not_truncated before truncate on people.former_contact
  for each statement execute function registry.refuse_change();

-- Whether a holder acts through a parent or guardian today, by the programme's own clock: a minor (Civil Code, art. 10), or an adult
-- without full legal capacity (Zgierz § 12).
create function people.needs_guardian(p_account bigint) returns boolean language sql stable as $$
  select exists (select from registry.holder h left join people.person p using (account) where h.account = p_account
    and (h.guardian or registry.today_of(h.programme) < (p.born_on + interval '18 years')::date))
$$;

create function people.check_birth() returns trigger language plpgsql as $$
begin
  if new.born_on > registry.today_of(new.programme) then
    raise exception 'a date of birth in the future';
  end if;
  return new;
end
$$;
create trigger check_birth before insert or update on people.person
  for each row execute function people.check_birth();

-- Which columns, never what stood in them. Arguments: the column of the key, and what the trail calls the table.
create function people.record_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_columns text;
begin
  select string_agg(k.name, ', ' order by k.name) into v_columns
    from jsonb_object_keys(coalesce(v_new, v_old)) as k(name)
    where v_new is null or v_old is null or v_new -> k.name is distinct from v_old -> k.name;
  insert into registry.audit (actor, reason, source, hand, programme, object, key, before, after)
    values (current_setting('cityswitch.actor'), coalesce(current_setting('cityswitch.reason', true), ''),
      coalesce(current_setting('cityswitch.source', true), ''), registry.hand(), (coalesce(v_new, v_old) ->> 'programme')::smallint, coalesce(tg_argv[1], tg_table_name),
      coalesce(v_new, v_old) ->> coalesce(tg_argv[0], 'account'),
      case when v_old is not null then jsonb_build_object('columns', '') end,
      jsonb_build_object('columns', case when v_new is null then 'removed' else coalesce(v_columns, '') end));
  return null;
end
$$;

do $$
declare t text;
begin
  foreach t in array array['key', 'person', 'pesel_token', 'token_key', 'consent', 'representative'] loop
    execute format('create trigger change_lock before insert or update or delete on people.%I
                    for each statement execute function registry.take_change_lock()', t);
    execute format('create trigger not_truncated before truncate on people.%I
                    for each statement execute function registry.refuse_change()', t);
    if t in ('person', 'consent', 'representative') then
      execute format('create trigger record_change after insert or update or delete on people.%I
                      for each row execute function people.record_change()', t);
    end if;
  end loop;
end
$$;

-- Put the kinds of holders whose date of birth is known to a day: what holds, the change before it and the next one.
-- p_accounts null: of all of the programme. Returns how many changed. Every version of the rules holds for a period, in which
-- each set of kinds holds from one birthday to another; put in a row, these spans leave nothing out.
create function people.place_kinds(p_programme smallint, p_day date, p_accounts bigint[]) returns int
language plpgsql as $$
declare
  v_accounts constant bigint[] := coalesce(p_accounts,
    (select array_agg(p.account) from people.person p where p.programme = p_programme));
  v_changed int;
begin
  with born as materialized (
    select distinct p.born_on from people.person p
      where p.programme = p_programme and p.born_on is not null and p.account = any (v_accounts)
  ), beginning as (
    select distinct on (1) (v.effective_from at time zone v.time_zone)::date as from_day, v.version
      from registry.programme_version v where v.programme = p_programme
      order by 1, v.effective_from desc, v.version desc
  ), period as (
    select b.version, b.from_day, coalesce(lead(b.from_day) over (order by b.from_day), 'infinity') as until_day
      from beginning b
  ), step as (
    select p.from_day, p.until_day, s.from_age, s.kinds,
        lead(s.from_age) over (partition by p.version order by s.from_age) as until_age
      from period p cross join lateral (
        select k.from_age, k.kinds from registry.kind_step k
          where k.programme = p_programme and k.version = p.version
        union all select -1, 0) s
  ), span as (
    select b.born_on, s.kinds,
        greatest(s.from_day, case when s.from_age < 0 then '-infinity'
          else (b.born_on + make_interval(years => s.from_age))::date end) as begins,
        least(s.until_day, coalesce((b.born_on + make_interval(years => s.until_age))::date, 'infinity')) as ends
      from born b cross join step s
  ), turn as (
    select t.born_on, t.begins, t.kinds, lag(t.kinds, 1, 0) over (partition by t.born_on order by t.begins) as was
      from span t where t.begins < t.ends
  ), placed as (
    select b.born_on,
        max(t.begins) filter (where t.begins <= p_day) as kinds_from,
        coalesce((array_agg(t.kinds order by t.begins desc) filter (where t.begins <= p_day))[1], 0) as kinds,
        coalesce((array_agg(t.was order by t.begins desc) filter (where t.begins <= p_day))[1], 0) as kinds_before,
        min(t.begins) filter (where t.begins > p_day) as next_from,
        coalesce((array_agg(t.kinds order by t.begins) filter (where t.begins > p_day))[1], 0) as kinds_next
      from born b left join turn t on t.born_on = b.born_on and t.kinds <> t.was group by b.born_on
  )
  update registry.holder h set kinds = p.kinds, kinds_from = p.kinds_from, kinds_before = p.kinds_before,
      next_from = p.next_from, kinds_next = p.kinds_next
    from people.person q join placed p using (born_on)
    where h.account = q.account and q.programme = p_programme and q.account = any (v_accounts)
      and (h.kinds, h.kinds_from, h.kinds_before, h.next_from, h.kinds_next)
        is distinct from (p.kinds, p.kinds_from, p.kinds_before, p.next_from, p.kinds_next);
  get diagnostics v_changed = row_count;
  return v_changed;
end
$$;

-- Birthdays that have come: for the service, which may call it, learns how many they were, and reads no date of birth.
create function registry.advance_kinds_v1() returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_programme smallint;
  v_due bigint[];
  v_changed int := 0;
begin
  for v_programme in select p.id from registry.programme p loop
    select array_agg(h.account) into v_due from (
      select h.account from registry.holder h
        where h.programme = v_programme and h.next_from <= registry.today_of(v_programme) limit 5000) h;
    if v_due is not null then
      perform set_config('cityswitch.actor', 'keeper', true), set_config('cityswitch.hand', 'clock', true),
        set_config('cityswitch.reason', 'kinds of holder by age', true), set_config('cityswitch.source', '', true);
      v_changed := v_changed + people.place_kinds(v_programme, registry.today_of(v_programme), v_due);
    end if;
  end loop;
  return v_changed;
end
$$;

-- Of keys that the vault knows for destroyed how many are here still, and the newest key there is: for whoever looks after an
-- installation without a right to look at people.
create function registry.keys_left_v1(p_keys bigint[]) returns table (left_over bigint, newest bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select (select count(*) from people.key k where k.key = any (p_keys)), (select coalesce(max(k.key), 0) from people.key k)
$$;

revoke all on function registry.advance_kinds_v1, registry.keys_left_v1, people.place_kinds from public;
grant execute on function registry.advance_kinds_v1, registry.keys_left_v1 to cityswitch_service;
grant usage on schema people, registry to cityswitch_people;
grant select, insert, update, delete on all tables in schema people to cityswitch_people;
