-- Several accounts under one login: a holder who has signed in acts for those whose representative he is (people.representative);
-- who has no card has a login of its own for that (kind representative), made with the code.
-- A representation and a login find each other by a code of one use, which the desk gives a guardian and a holder gives a proxy.
-- The link goes with the representation, with either person, and with the login; whether it holds is asked anew each time.

create table web.acting_for (
  account        bigint not null,  -- who is acted for
  programme      smallint not null references registry.programme (id),
  representative bigint not null,
  login          bigint,  -- of who acts; null: the code has not come back yet
  code           bytea unique check (length(code) = 32),
  ends_at        timestamptz,
  primary key (account, representative),
  unique (login, account),
  foreign key (account, representative) references people.representative (account, number) on delete cascade,
  foreign key (account, programme) references people.person (account, programme) on delete cascade,
  foreign key (login, programme) references web.login (id, programme) on delete cascade,
  check ((login is null) = (code is not null) and (code is null) = (ends_at is null))
);

create trigger change_lock before insert or update or delete on web.acting_for
  for each statement execute function registry.take_change_lock();
create trigger record_change after insert or update or delete on web.acting_for
  for each row execute function people.record_change('account', 'acting_for');

-- For whom a session is acting now; null: for its own holder.
alter table web.session add column acts_for bigint references people.person (account) on delete set null;

alter table web.acting_for enable row level security;
create policy own_programme on web.acting_for to cityswitch_people using (programme in (select registry.my_programmes()))
  with check (programme in (select registry.my_programmes()));
grant select, insert, update, delete on web.acting_for to cityswitch_people;

-- A login that acts for others alone goes with the last of them.
create function web.end_representative() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  delete from web.login l where l.id = old.login and l.kind = 'representative'
    and not exists (select from web.acting_for a where a.login = l.id);
  return null;
end
$$;
create trigger nobody_left after delete on web.acting_for
  for each row when (old.login is not null) execute function web.end_representative();

-- For whom a login may act today, by the programme's own clock, and as what. A guardian's right ends on the day the child comes of
-- age (18: Civil Code, art. 10), unless the holder is an adult without full legal capacity (Zgierz § 12); where no date of birth
-- is known it counts with an end of its own alone. A representation's last day is one on which it holds.
create function web.represented_v1(p_login bigint) returns table (account bigint, representative bigint, role text)
language sql stable as $$
  select a.account, a.representative, r.role
    from web.acting_for a
    join web.login l on l.id = a.login and l.programme = a.programme
    join people.representative r on r.account = a.account and r.number = a.representative
    join people.person p on p.account = a.account
    join registry.holder h on h.account = a.account
    where a.login = p_login and l.kind in ('holder', 'representative') and l.ended_at is null
      and l.account is distinct from a.account
      and (r.until is null or registry.today_of(a.programme) <= r.until)
      and (r.role = 'proxy' or h.guardian
        or case when p.born_on is null then r.until is not null
                else registry.today_of(a.programme) < (p.born_on + interval '18 years')::date end)
$$;

-- Whoever writes as acting for somebody ('holder <login> for <account>', or 'representative …') is that account's representative at this very moment, by
-- the hand of that role, and does what that role may: a proxy blocks the card and asks for a renewal (Zgierz § 20, § 24), a parent
-- or guardian does what the holder does (§ 12, § 24, § 27), and neither makes a login or another representative. What was found is
-- kept for the transaction: a deletion takes the link with it.
create function web.check_acting() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_actor constant text := current_setting('cityswitch.actor');
  v_row constant jsonb := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
  v_account constant bigint := case when tg_table_name = 'attachment'
    then (select a.account from people.application a where a.number = (v_row ->> 'application')::bigint)
    else (v_row ->> 'account')::bigint end;
  v_role text;
begin
  if tg_table_name = 'login' and tg_op = 'DELETE' and v_row ->> 'kind' = 'representative'
      and not exists (select from web.acting_for a where a.login = (v_row ->> 'id')::bigint) then
    return old;  -- nobody is left for it to act for (end_representative)
  end if;
  if current_setting('cityswitch.acting', true) = v_actor || ' guardian' and v_actor like '% for ' || v_account then
    v_role := 'guardian';
  else
    select r.role into v_role from web.acting_for a join web.login l on l.id = a.login
      join lateral web.represented_v1(a.login) r on r.account = a.account and r.representative = a.representative
      where a.account = v_account and v_actor = format('%s %s for %s', l.kind, a.login, a.account);
  end if;
  if v_role is null or registry.hand() <> v_role || '-online' then
    raise exception 'nobody acts so for account %', v_account;
  end if;
  if tg_table_name in ('login', 'representative') and tg_op <> 'DELETE' then
    raise exception 'a % makes no %', v_role, tg_table_name;
  end if;
  if v_role = 'proxy' and not (
      (tg_table_name = 'card' and tg_op = 'UPDATE' and v_row -> 'status' = '1')
      or (tg_table_name = 'application' and tg_op <> 'DELETE' and v_row ->> 'kind' = 'renewal'
        and v_row ->> 'state' in ('received', 'called', 'withdrawn'))
      or (tg_table_name = 'attachment' and tg_op = 'INSERT')) then
    raise exception 'a proxy does not change %', tg_table_name;
  end if;
  perform set_config('cityswitch.acting', v_actor || ' ' || v_role, true);
  if tg_op = 'DELETE' then
    return old;
  end if;
  return new;
end
$$;

do $$
declare t text;
begin
  foreach t in array array['registry.card', 'registry.holder', 'registry.ending', 'people.person', 'people.consent', 'people.representative',
      'people.application', 'people.attachment', 'people.acceptance', 'people.message', 'web.login'] loop
    execute format('create trigger acts_for_somebody before insert or update or delete on %s for each row
                    when (current_setting(''cityswitch.actor'', true) like ''holder %% for %%''
                      or current_setting(''cityswitch.actor'', true) like ''representative %% for %%'')
                    execute function web.check_acting()', t);
  end loop;
end
$$;
