-- What a partner and the organiser agreed: declared, verified within 14 days (Żywiec § 5), then an agreement of at least 12
-- months (Częstochowa, Oferta dla Partnera), which runs, and ends. The switch follows contracts and judges by their days, a late sale
-- by that of its moment; the state here, and the statuses of partners and terminals under none (2), are what the office sees of it, and
-- move with the keeper's next turn. A partner that is suspended (1) stays so whatever contracts do. A contract is of the whole partner,
-- or of one outlet: a terminal stands under its outlet's own contract while that runs, else under the partner's (lease, notice and
-- other services are each contract's). A terminal under neither is served nothing.
-- state: 0 declared, 1 verified, 2 agreed (it begins on a day to come), 3 active, 4 ended, 5 refused.

create table registry.partner_contract (
  partner       int not null references registry.partner (id),
  number        smallint not null check (number between 1 and 999),
  programme     smallint not null references registry.programme (id),
  outlet        int,  -- whose terminals it is about; null: all that have none of their own
  state         smallint not null default 0 check (state between 0 and 5),
  declared_on   date not null,
  verify_by     date not null check (verify_by = declared_on + 14),
  verified_on   date check (verified_on >= declared_on),
  starts_on     date,
  months_min    smallint check (months_min between 1 and 240),
  ends_on       date check (ends_on >= starts_on),  -- last day; null: until it is ended
  with_services boolean not null default false,     -- the partner uses other services of the operator: one price of the lease
  changed       bigint not null,
  primary key (partner, number),
  foreign key (partner, outlet) references registry.outlet (partner, id),
  check ((starts_on is null) = (months_min is null)),
  check (state not in (2, 3) or (verified_on is not null and starts_on is not null)),
  check (state <> 4 or ends_on is not null or starts_on is null)
);
-- One that is to come or runs.
create unique index partner_contract_one on registry.partner_contract (partner, coalesce(outlet, 0)) where state < 4;

-- As documents name the partner: beside the sign that receipts show.
create table registry.partner_details (
  partner    int primary key references registry.partner (id),
  programme  smallint not null references registry.programme (id),
  legal_name text not null default '' check (length(legal_name) <= 512),
  tax_id     text not null default '' check (tax_id ~ '^([1-9]((\d[1-9])|([1-9]\d))\d{7})?$'),
  address    text not null default '' check (length(address) <= 512)
);

call registry.keep_trail('partner_contract', 'partner,number');
call registry.keep_trail('partner_details', 'partner', false);

-- From which state which other can come.
create function registry.check_contract() returns trigger language plpgsql as $$
begin
  if new.state <> old.state and not exists (
      select from (values (0, 1), (0, 5), (1, 2), (1, 3), (1, 5), (2, 3), (2, 4), (3, 4)) as m(was, becomes)
        where m.was = old.state and m.becomes = new.state) then
    raise exception 'a contract in state % does not come to state %', old.state, new.state;
  end if;
  if old.state >= 4 then
    raise exception 'a contract that ended stays as it was';
  end if;
  if old.starts_on is distinct from new.starts_on and old.state <> 1 then
    raise exception 'a contract keeps the day it began';
  end if;
  return new;
end
$$;
create trigger contract_moves before update on registry.partner_contract
  for each row execute function registry.check_contract();

-- A partner that is taken on at once, as from a list of those who signed on paper, has a contract from today on.
create function registry.begin_contract() returns trigger language plpgsql as $$
begin
  insert into registry.partner_contract (partner, number, programme, state, declared_on, verify_by, verified_on, starts_on, months_min)
    select n.id, 1, n.programme, 3, d.today, d.today + 14, d.today, d.today, 12
      from new_rows n join (select p.id, registry.today_of(p.id) as today from registry.programme p) d on d.id = n.programme
      where n.status = 0;
  return null;
end
$$;
create trigger contract_begins after insert on registry.partner referencing new table as new_rows
  for each statement execute function registry.begin_contract();

-- status 2 of a partner: no contract of it runs.
alter table registry.partner drop constraint partner_status_check, add constraint partner_status_check check (status between 0 and 2);

-- Nobody takes a partner up again who has no contract.
create function registry.check_partner_contract() returns trigger language plpgsql as $$
begin
  if not exists (select from registry.partner_contract c where c.partner = new.id and c.state = 3) then
    raise exception 'partner % has no contract that runs', new.id using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger needs_contract before update on registry.partner
  for each row when (new.status = 0 and old.status <> 0) execute function registry.check_partner_contract();

-- status 2 of a terminal: no contract that runs is about it, although one of its partner's runs. It comes and goes with contracts;
-- who is blocked (1) stays so.
alter table registry.terminal drop constraint terminal_status_check, add constraint terminal_status_check check (status between 0 and 2);

create function registry.is_under_contract(p_partner int, p_outlet int) returns boolean language sql stable as $$
  select exists (select from registry.partner_contract c
      where c.partner = p_partner and c.state = 3 and (c.outlet is null or c.outlet = p_outlet))
    or not exists (select from registry.partner_contract c where c.partner = p_partner and c.state = 3)
$$;

create function registry.check_terminal_contract() returns trigger language plpgsql as $$
begin
  if registry.is_under_contract(new.partner, new.outlet) then
    new.status := 0;
  elsif new.status = 0 then
    raise exception 'terminal % has no contract that runs: neither its outlet nor its partner as a whole', new.id
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger needs_contract before insert or update of status, outlet, partner on registry.terminal
  for each row when (new.status in (0, 2)) execute function registry.check_terminal_contract();

-- Let the terminals of partners follow their contracts.
create function registry.cover_terminals_v1(p_partners int[]) returns void language sql volatile as $$
  update registry.terminal t set status = 2 - t.status
    where t.partner = any (p_partners) and t.status in (0, 2)
      and registry.is_under_contract(t.partner, t.outlet) <> (t.status = 0)
$$;
revoke all on function registry.cover_terminals_v1 from public;
grant execute on function registry.cover_terminals_v1 to cityswitch_programme;

-- What a day brings: contracts begin, and end with their last day; partners follow. For the service, which may call it and not
-- write. Returns how many contracts moved.
create function registry.move_contracts_v1() returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_moved int;
  v_begun int[];
  v_any   int[];
begin
  -- Mostly nothing is due: no lock for that.
  if not exists (
    select from registry.partner_contract c join registry.partner p on p.id = c.partner
      where (c.state = 2 and c.starts_on <= registry.today_of(c.programme))
         or (c.state in (2, 3) and c.ends_on < registry.today_of(c.programme))) then
    return 0;
  end if;
  perform set_config('cityswitch.actor', 'switch', true), set_config('cityswitch.reason', 'the day of the contract', true);
  with due as (
    select c.partner, c.number, case when c.ends_on < registry.today_of(c.programme) then 4 else 3 end as becomes
      from registry.partner_contract c
      where (c.state = 2 and c.starts_on <= registry.today_of(c.programme))
         or (c.state in (2, 3) and c.ends_on < registry.today_of(c.programme))
  ), moved as (
    update registry.partner_contract c set state = d.becomes from due d
      where d.partner = c.partner and d.number = c.number returning c.partner, c.state
  )
  select coalesce(array_agg(m.partner) filter (where m.state = 3), '{}'), coalesce(array_agg(distinct m.partner), '{}'), count(*)
    into v_begun, v_any, v_moved from moved m;
  update registry.partner p set status = 0 where p.status = 2 and p.id = any (v_begun);
  update registry.partner p set status = 2
    where p.status = 0 and not exists (select from registry.partner_contract c where c.partner = p.id and c.state = 3);
  perform registry.cover_terminals_v1(v_any);
  return v_moved;
end
$$;
revoke all on function registry.move_contracts_v1 from public;
grant execute on function registry.move_contracts_v1 to cityswitch_service, cityswitch_programme;

-- As 0050.
do $$
declare t text;
begin
  foreach t in array array['partner_contract', 'partner_details'] loop
    execute format('alter table registry.%I enable row level security', t);
    execute format('create policy own_programme on registry.%I to cityswitch_programme
                    using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()) and partner in (select id from registry.partner))', t);
    execute format('create policy serves_all on registry.%I to cityswitch_service using (true)', t);
    execute format('grant select on registry.%I to cityswitch_service', t);
    execute format('grant select, insert on registry.%I to cityswitch_programme', t);
  end loop;
end
$$;
grant update (state, verified_on, starts_on, months_min, ends_on, with_services) on registry.partner_contract to cityswitch_programme;
grant update (legal_name, tax_id, address) on registry.partner_details to cityswitch_programme;
