-- What people ask the desk for, and what becomes of it: applications with their attachments, messages with holders. In schema
-- people, which the service cannot enter: of who asked, the trail holds the names of columns and the state, never what stood in
-- them. What goes with a person goes with the row in people.person.

-- An application (Zgierz § 12, § 20, § 28; Żywiec § 3). account: whose it is, of a first one once its card lies ready.
-- due_on: the last day to decide and issue, counted from the day it was whole; null while it is called to be completed.
-- second_needed: by the rules of the day it came; then two people look at it, and this table sees to it.
-- form: what was filled in (JSON). reason: of a call or a refusal, for whoever asked.
create table people.application (
  number         bigint generated always as identity primary key,
  account        bigint check (account > 0 and account & 7 = 0),
  received_at    timestamptz not null default clock_timestamp(),
  changed_at     timestamptz not null default clock_timestamp(),
  token          bigint,  -- the card it is for, once there is one
  programme      smallint not null references registry.programme (id),
  received_on    date not null,
  due_on         date,
  complete_until date,
  second_needed  boolean not null,
  kind           text not null check (kind in ('first', 'renewal', 'duplicate')),
  via            text not null check (via in ('desk', 'web', 'post', 'api')),
  desk           text not null default '' check (length(desk) <= 64),
  state          text not null default 'received',
  taken_by       text not null default current_setting('cityswitch.actor') check (length(taken_by) between 1 and 64),
  verified_by    text check (length(verified_by) between 1 and 64),
  decided_by     text check (length(decided_by) between 1 and 64),
  reason         text not null default '' check (length(reason) <= 2000),
  form           bytea not null check (octet_length(form) <= 16384),
  unique (number, programme),
  foreign key (account, programme) references people.person (account, programme) on delete cascade,
  foreign key (token) references registry.card (token),
  check (kind = 'first' or account is not null),
  check ((state = 'called') = (complete_until is not null)),
  check (state <> 'called' or due_on is null),
  check (state not in ('verified', 'granted', 'ready', 'collected', 'done') or verified_by is not null),
  check (state not in ('granted', 'refused', 'ready', 'collected', 'done') or decided_by is not null),
  check (state not in ('called', 'refused') or reason <> '')
);
create index application_open on people.application (programme, due_on, number)
  where state in ('received', 'called', 'verified', 'granted', 'ready');
create index application_account on people.application (account) where account is not null;

-- What may follow what. done: a renewal that was granted, with which nothing is collected.
create table people.application_move (
  was     text not null,
  becomes text not null,
  primary key (was, becomes)
);
insert into people.application_move (was, becomes) values
  ('received', 'called'), ('received', 'verified'), ('received', 'refused'), ('received', 'withdrawn'),
  ('called', 'received'), ('called', 'refused'), ('called', 'withdrawn'),
  ('verified', 'called'), ('verified', 'granted'), ('verified', 'refused'), ('verified', 'withdrawn'),
  ('granted', 'ready'), ('granted', 'done'), ('granted', 'withdrawn'),
  ('ready', 'collected'), ('ready', 'withdrawn');

create function people.same_name(p_one text, p_other text) returns boolean language sql immutable as $$
  select regexp_replace(lower(btrim(normalize(p_one, nfkc))), '\s+', ' ', 'g')
       = regexp_replace(lower(btrim(normalize(p_other, nfkc))), '\s+', ' ', 'g')
$$;

-- Holds the moves, and the second person: whoever decides is another one than whoever verified, and whoever verified than
-- whoever took it down. Who acts is the transaction's actor, not what a statement says.
create function people.check_application() returns trigger language plpgsql as $$
declare
  v_actor constant text := current_setting('cityswitch.actor');
begin
  if tg_op = 'INSERT' then
    if new.state <> 'received' or new.verified_by is not null or new.decided_by is not null then
      raise exception 'an application begins as received';
    end if;
    return new;
  end if;
  if (new.number, new.programme, new.kind, new.second_needed, new.taken_by, new.received_on)
      is distinct from (old.number, old.programme, old.kind, old.second_needed, old.taken_by, old.received_on)
      or (old.account is not null and new.account is distinct from old.account) then
    raise exception 'what an application is stays as it came';
  end if;
  new.changed_at := clock_timestamp();
  if new.state = old.state then
    if (new.verified_by, new.decided_by) is distinct from (old.verified_by, old.decided_by) then
      raise exception 'who verified and decided is written with the step itself';
    end if;
    return new;
  end if;
  if not exists (select from people.application_move m where m.was = old.state and m.becomes = new.state) then
    raise exception 'an application that is % does not become %', old.state, new.state;
  end if;
  if new.state = 'verified' then
    new.verified_by := v_actor;
  elsif new.state in ('granted', 'refused') then
    new.decided_by := v_actor;
    if new.second_needed and (new.verified_by is null and people.same_name(v_actor, new.taken_by)
        or people.same_name(v_actor, new.verified_by)) then
      raise exception 'a second person decides: % has looked at it already', v_actor;
    end if;
  elsif new.state in ('received', 'called') then
    new.verified_by := null;  -- what is completed is looked at anew
  end if;
  return new;
end
$$;
create trigger check_application before insert or update on people.application
  for each row execute function people.check_application();

-- What came with it. Its type is that of its content, as it was checked; it is given out as a file to keep and nothing else.
create table people.attachment (
  number      bigint generated always as identity primary key,
  application bigint not null,
  added_at    timestamptz not null default clock_timestamp(),
  programme   smallint not null references registry.programme (id),
  kind        text not null check (kind in ('tax', 'photo', 'declaration', 'other')),
  type        text not null check (type in ('image/jpeg', 'image/png', 'application/pdf')),
  added_by    text not null default current_setting('cityswitch.actor') check (length(added_by) between 1 and 64),
  body        bytea not null check (octet_length(body) between 1 and 5300000),
  foreign key (application, programme) references people.application (number, programme) on delete cascade
);
create index attachment_application on people.attachment (application);

create function people.check_attachment() returns trigger language plpgsql as $$
begin
  perform from people.application a where a.number = new.application for update;
  if (select count(*) from people.attachment a where a.application = new.application) >= 8 then
    raise exception 'an application has at most 8 attachments';
  end if;
  return new;
end
$$;
create trigger check_attachment before insert on people.attachment
  for each row execute function people.check_attachment();
create trigger attachment_stays before update on people.attachment
  for each statement execute function registry.refuse_change();

-- Messages between a holder and the desk (Zgierz § 19).
create table people.message (
  number      bigint generated always as identity primary key,
  account     bigint not null,
  sent_at     timestamptz not null default clock_timestamp(),
  read_at     timestamptz,
  programme   smallint not null references registry.programme (id),
  from_holder boolean not null,
  sent_by     text not null default current_setting('cityswitch.actor') check (length(sent_by) between 1 and 64),
  body        bytea not null check (octet_length(body) between 1 and 16384),
  foreign key (account, programme) references people.person (account, programme) on delete cascade
);
create index message_account on people.message (account, number);
create index message_unread on people.message (programme, number) where read_at is null and from_holder;
create trigger message_key before update on people.message
  for each row when ((old.number, old.account, old.sent_at, old.programme, old.from_holder, old.sent_by, old.body)
    is distinct from (new.number, new.account, new.sent_at, new.programme, new.from_holder, new.sent_by, new.body))
  execute function registry.refuse_change();

-- As people.record_change, by a number: which columns were written, and of an application the state.
create function people.record_case() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_any constant jsonb := coalesce(v_new, v_old);
  v_columns text;
begin
  select string_agg(k.name, ', ' order by k.name) into v_columns
    from jsonb_object_keys(v_any) as k(name)
    where v_new is null or v_old is null or v_new -> k.name is distinct from v_old -> k.name;
  insert into registry.audit (actor, reason, source, hand, second, programme, object, key, before, after)
    values (current_setting('cityswitch.actor'), coalesce(current_setting('cityswitch.reason', true), ''),
      coalesce(current_setting('cityswitch.source', true), ''), registry.hand(),
      coalesce(current_setting('cityswitch.second', true), ''), (v_any ->> 'programme')::smallint, tg_table_name, v_any ->> 'number',
      case when v_old is not null then jsonb_strip_nulls(jsonb_build_object('state', v_old -> 'state')) end,
      jsonb_strip_nulls(jsonb_build_object('state', v_new -> 'state',
        'columns', case when v_new is null then 'removed' else coalesce(v_columns, '') end)));
  return null;
end
$$;

-- application.called, application.refused, … with the account where it has one: what notices are made of.
create function people.tell_application() returns trigger language plpgsql as $$
begin
  if to_regprocedure('registry.tell_v1(smallint, text, bigint, integer, jsonb)') is not null then
    perform registry.tell_v1(new.programme, 'application.' || new.state, new.account, null,
      jsonb_build_object('application', new.number, 'kind', new.kind));
  end if;
  return null;
end
$$;
create trigger tell_received after insert on people.application
  for each row execute function people.tell_application();
create trigger tell_moved after update on people.application
  for each row when (old.state <> new.state) execute function people.tell_application();

do $$
declare t text;
begin
  foreach t in array array['application', 'attachment', 'message'] loop
    execute format('create trigger change_lock before insert or update or delete on people.%I
                    for each statement execute function registry.take_change_lock()', t);
    execute format('create trigger record_change after insert or update or delete on people.%I
                    for each row execute function people.record_case()', t);
    execute format('create trigger not_truncated before truncate on people.%I
                    for each statement execute function registry.refuse_change()', t);
    execute format('alter table people.%I enable row level security', t);
    execute format('create policy own_programme on people.%I to cityswitch_people using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()))', t);
  end loop;
end
$$;
grant select, insert, update, delete on people.application, people.attachment, people.message to cityswitch_people;
grant select on people.application_move to cityswitch_people;
