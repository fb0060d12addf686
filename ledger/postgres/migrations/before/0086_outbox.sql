-- What other systems are told: one row an event, written in the very transaction that made it happen, by triggers here and by
-- registry.tell_v1 for whoever else has something to tell. Account and partner numbers alone: who a holder is stands nowhere in
-- it, so a system that may read events learns no name, number or address.
-- Numbers are a programme's own and are taken under the registry's change lock, from a row and not from a sequence: they become
-- visible in order, and what is rolled back leaves no gap. A reader that has seen n has seen all up to n. (programme, number) is
-- an event's name for ever; what is old is pruned from the front.

create table registry.outbox (
  programme smallint not null references registry.programme (id),
  number    bigint not null check (number >= 1),
  kind      text not null check (kind ~ '^[a-z]{1,20}\.[a-z_]{1,40}$'),
  account   bigint check (account > 0 and account & 7 = 0),
  partner   int check (partner between 1 and 99999999),
  data      jsonb not null default '{}' check (jsonb_typeof(data) = 'object' and length(data::text) <= 2000),
  made_at   timestamptz not null,
  primary key (programme, number)
);

-- last: the newest number given; pruned: up to here events are gone.
create table registry.outbox_mark (
  programme smallint primary key references registry.programme (id),
  last      bigint not null default 0,
  pruned    bigint not null default 0 check (pruned <= last)
);

-- Up to where somebody has read.
create table registry.outbox_reader (
  programme smallint not null references registry.programme (id),
  reader    text not null check (reader ~ '^[a-z][a-z0-9_-]{0,31}$'),
  place     bigint not null check (place >= 0),
  kept_at   timestamptz not null default clock_timestamp(),
  primary key (programme, reader)
);

-- As the owner: whoever tells may not number.
create function registry.number_event() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock(1667854707, 1);
  insert into registry.outbox_mark as m (programme, last) values (new.programme, 1)
    on conflict (programme) do update set last = m.last + 1 returning m.last into new.number;
  new.made_at := clock_timestamp();
  return new;
end
$$;
create trigger number_event before insert on registry.outbox
  for each row execute function registry.number_event();
create trigger events_stay before update or truncate on registry.outbox
  for each statement execute function registry.refuse_change();

-- With the caller's rights: the policy says whose events may be told.
create function registry.tell_v1(p_programme smallint, p_kind text, p_account bigint, p_partner int, p_data jsonb)
returns void language sql volatile as $$
  insert into registry.outbox (programme, kind, account, partner, data)
    values (p_programme, p_kind, p_account, p_partner, coalesce(p_data, '{}'))
$$;

-- card.ready, card.active, card.blocked, … : what a card became. A duplicate that can be collected is told as card.duplicate_ready.
-- An import tells nothing: only a duplicate is news when it is added.
create function registry.tell_card() returns trigger language plpgsql as $$
declare
  v_names constant text[] := array['active', 'blocked', 'wanted', 'replaced', 'ordered', 'ready', 'closed', 'retained',
    'resigned', 'void'];
  v_data jsonb := jsonb_build_object('became', v_names[new.status + 1], 'issue', new.issue, 'carrier', new.carrier,
    'hand', registry.hand());
begin
  if tg_op = 'UPDATE' then
    v_data := v_data || jsonb_build_object('was', v_names[old.status + 1]);
  end if;
  perform registry.tell_v1(new.programme,
    case when new.status = 5 and new.issue > 1 then 'card.duplicate_ready' else 'card.' || v_names[new.status + 1] end,
    new.account, null, v_data);
  return null;
end
$$;
create trigger tell_moved after update on registry.card
  for each row when (old.status <> new.status) execute function registry.tell_card();
create trigger tell_duplicate after insert on registry.card
  for each row when (new.issue > 1) execute function registry.tell_card();

create function registry.tell_renewed_card() returns trigger language plpgsql as $$
begin
  perform registry.tell_v1(new.programme, 'card.renewed', new.account, null,
    jsonb_build_object('issue', new.issue, 'carrier', new.carrier, 'expires_on', new.expires_on));
  return null;
end
$$;
create trigger tell_renewed after update on registry.card
  for each row when (old.expires_on < new.expires_on) execute function registry.tell_renewed_card();

create function registry.tell_holder() returns trigger language plpgsql as $$
begin
  if new.entitled_until is distinct from old.entitled_until and new.entitled_until is not null then
    perform registry.tell_v1(new.programme, 'holder.entitled', new.account, null,
      jsonb_build_object('entitled_until', new.entitled_until));
  end if;
  if new.resigned_on is not null and old.resigned_on is null then
    perform registry.tell_v1(new.programme, 'holder.resigned', new.account, null,
      jsonb_build_object('resigned_on', new.resigned_on));
  end if;
  return null;
end
$$;
create trigger tell_holder after update on registry.holder
  for each row when ((old.entitled_until, old.resigned_on)
    is distinct from (new.entitled_until, new.resigned_on))
  execute function registry.tell_holder();

-- What ends a contract, and what the contract's last day is with it; null: it has none any more. After the trigger ends_contract,
-- as triggers go by name.
create function registry.tell_ending() returns trigger language plpgsql as $$
begin
  perform registry.tell_v1(new.programme,
    case new.kind when 'notice' then 'holder.notice_' else 'holder.objection_' end
      || case when new.withdrawn_at is null then 'given' else 'withdrawn' end,
    new.account, null, jsonb_strip_nulls(jsonb_build_object('given_on', new.given_on, 'ends_on', new.ends_on,
      'contract_ends_on', (select h.contract_ends_on from registry.holder h where h.account = new.account))));
  return null;
end
$$;
create trigger tell_ending after insert or update on registry.ending
  for each row execute function registry.tell_ending();

create function registry.tell_offer() returns trigger language plpgsql as $$
begin
  perform registry.tell_v1(new.programme, case new.state when 1 then 'offer.published' else 'offer.withdrawn' end, null,
    new.partner, jsonb_build_object('offer', new.number, 'version', new.version, 'effective_from', new.effective_from));
  return null;
end
$$;
create trigger tell_offer after insert or update on registry.offer
  for each row when (new.state <> 0) execute function registry.tell_offer();

create function registry.tell_partner() returns trigger language plpgsql as $$
begin
  perform registry.tell_v1(new.programme, case new.status when 1 then 'partner.suspended' else 'partner.resumed' end, null,
    new.id, '{}');
  return null;
end
$$;
create trigger tell_partner after update on registry.partner
  for each row when (old.status <> new.status) execute function registry.tell_partner();

-- Whom it was told that an entitlement ends: once for each last day.
create table registry.renewal_reminder (
  programme      smallint not null references registry.programme (id),
  account        bigint not null references registry.holder (account),
  entitled_until date not null,
  primary key (account, entitled_until)
);

-- holder.renewal_due for whoever is entitled no longer than p_days from today and has a card that goes on (Zgierz § 20: until
-- 31 May). For the service, which may call it and not write. Returns how many were told.
create function registry.tell_renewals_v1(p_days int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_due record;
  v_told int := 0;
begin
  for v_due in
    select h.programme, h.account, h.entitled_until
      from (select p.id, registry.today_of(p.id) as today from registry.programme p) d
      join registry.holder h on h.programme = d.id and h.entitled_until between d.today and d.today + p_days
      where h.contract_ends_on is null and h.resigned_on is null
        and exists (select from registry.card c where c.account = h.account and c.status in (0, 1, 4, 5))
        and not exists (select from registry.renewal_reminder r
          where r.account = h.account and r.entitled_until = h.entitled_until)
      order by h.account limit 5000
  loop
    perform pg_advisory_xact_lock(1667854707, 1);
    insert into registry.renewal_reminder (programme, account, entitled_until)
      values (v_due.programme, v_due.account, v_due.entitled_until) on conflict do nothing;
    if found then
      perform registry.tell_v1(v_due.programme, 'holder.renewal_due', v_due.account, null,
        jsonb_build_object('entitled_until', v_due.entitled_until));
      v_told := v_told + 1;
    end if;
  end loop;
  return v_told;
end
$$;

-- Takes away what is older than p_days and was read by everybody who keeps a place, and what is older than four times that
-- whoever has not read it. From the front, so that what is left has no gap. Returns how many events went.
create function registry.prune_outbox_v1(p_days int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_mark record;
  v_old bigint;
  v_ancient bigint;
  v_cut bigint;
  v_deleted int;
  v_gone int := 0;
begin
  perform pg_advisory_xact_lock(1667854707, 1);
  for v_mark in select m.programme, m.last, (select min(r.place) from registry.outbox_reader r
      where r.programme = m.programme) as place from registry.outbox_mark m loop
    select coalesce(min(o.number) filter (where o.made_at >= now() - make_interval(days => p_days)) - 1, max(o.number), 0),
        coalesce(min(o.number) filter (where o.made_at >= now() - make_interval(days => 4 * p_days)) - 1, max(o.number), 0)
      into v_old, v_ancient
      from (select e.number, e.made_at from registry.outbox e where e.programme = v_mark.programme
        order by e.number limit 10000) o;
    v_cut := greatest(least(v_old, coalesce(v_mark.place, v_old)), v_ancient);
    update registry.outbox_mark m set pruned = v_cut where m.programme = v_mark.programme and m.pruned < v_cut;
    if found then
      delete from registry.outbox o where o.programme = v_mark.programme and o.number <= v_cut;
      get diagnostics v_deleted = row_count;
      v_gone := v_gone + v_deleted;
    end if;
  end loop;
  return v_gone;
end
$$;

revoke all on function registry.tell_renewals_v1, registry.prune_outbox_v1 from public;
grant execute on function registry.tell_renewals_v1, registry.prune_outbox_v1 to cityswitch_service;

do $$
declare t text; more text;
begin
  for t, more in
    select v.t, coalesce(v.more, '') from (values
      -- Of its own cards and partners.
      ('registry.outbox', ' and (account is null or exists (select from registry.card c where c.account = outbox.account))
         and (partner is null or exists (select from registry.partner p where p.id = outbox.partner))'),
      ('registry.outbox_mark', null),
      ('registry.outbox_reader', null)) as v(t, more)
  loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy serves_all on %s to cityswitch_service using (true) with check (true)', t);
    execute format('create policy own_programme on %s to cityswitch_programme
                    using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes())%s)', t, more);
  end loop;
end
$$;

grant select on registry.outbox, registry.outbox_mark, registry.outbox_reader to cityswitch_service, cityswitch_programme;
grant insert (programme, kind, account, partner, data) on registry.outbox to cityswitch_service, cityswitch_programme;
grant insert (programme, reader, place), update (place, kept_at) on registry.outbox_reader to cityswitch_programme;
