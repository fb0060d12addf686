-- The month's end. A month of a programme is a range of transaction ids: those above what the month before was closed with,
-- up to the first moment of the next month by the programme's clock. Closing it closes the ids first, so nothing posted later
-- can have one of it (ledger.refuse_closed_v1: a worker that is late numbers anew, above): what comes late is of the next month
-- by construction, and every posting is of exactly one.

-- One row for each month that was closed, in order and without a gap. Never changed.
create table registry.settlement_period (
  programme  smallint not null references registry.programme (id),
  month      text not null check (month ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'),
  first_id   bigint not null,
  through_id bigint not null check (through_id >= first_id),
  zone       text not null,  -- whose clock its days were read on
  closed_by  text not null default current_setting('cityswitch.actor'),
  agreed_by  text not null default coalesce(current_setting('cityswitch.second', true), ''),
  second_needed boolean not null default true,  -- by the rules of the day it was closed
  closed_at  timestamptz not null default clock_timestamp(),
  primary key (programme, month)
);

-- A partner's statement of a month, as it was computed last, and for ever once the month is closed.
create table registry.statement (
  programme   smallint not null references registry.programme (id),
  month       text not null check (month ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'),
  partner     int not null references registry.partner (id),
  number      text not null unique check (length(number) between 1 and 64),
  due_grosze  bigint not null,
  document    jsonb not null,
  computed_at timestamptz not null default clock_timestamp(),
  primary key (programme, month, partner)
);

-- The organiser's summary of a month, as it was computed last, and for ever once the month is closed; also where no partner has a
-- statement.
create table registry.settlement_summary (
  programme   smallint not null references registry.programme (id),
  month       text not null check (month ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'),
  summary     jsonb not null,
  computed_at timestamptz not null default clock_timestamp(),
  primary key (programme, month)
);

-- All that a month comes to as it is kept, each statement and the summary with its fees, as one value: what two persons agree to
-- when they close it (0095). 64 hexadecimal digits; null where it was never computed.
create function registry.month_digest_v1(p_programme smallint, p_month text) returns text language sql stable as $$
  select encode(sha256(convert_to(m.summary::text, 'UTF8') || coalesce((
      select string_agg(sha256(convert_to(s.document::text, 'UTF8')), ''::bytea order by s.partner)
        from registry.statement s where s.programme = m.programme and s.month = m.month), ''::bytea)), 'hex')
    from registry.settlement_summary m where m.programme = p_programme and m.month = p_month
$$;

-- What somebody sets right: a net sum with its VAT, at the rate of what it corrects, in a month that is open, with a reason, and a
-- second person where the rules want one.
create table registry.settlement_correction (
  number     bigint generated always as identity primary key,
  programme  smallint not null references registry.programme (id),
  partner    int not null references registry.partner (id),
  month      text not null check (month ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'),
  net_grosze bigint not null check (net_grosze <> 0 and abs(net_grosze) <= 100000000000),
  vat_rate   smallint not null check (vat_rate between 1 and 99),  -- at which the month of origin billed it
  origin     text not null default '' check (length(origin) <= 64),  -- the month or statement it sets right
  reason     text not null default coalesce(current_setting('cityswitch.reason', true), ''),  -- as documents tell it
  made_by    text not null default current_setting('cityswitch.actor'),
  agreed_by  text not null default coalesce(current_setting('cityswitch.second', true), ''),
  second_needed boolean not null default true
);
create index settlement_correction_month on registry.settlement_correction (programme, month);

call registry.keep_trail('settlement_period', 'programme,month', false);
call registry.keep_trail('settlement_correction', 'number', false);
create trigger closed_stays before update on registry.settlement_period
  for each statement execute function registry.refuse_change();
create trigger correction_stays before update on registry.settlement_correction
  for each statement execute function registry.refuse_change();
create trigger nothing_truncated before truncate on registry.statement
  for each statement execute function registry.refuse_change();
create trigger nothing_deleted before delete or truncate on registry.settlement_summary
  for each statement execute function registry.refuse_change();

-- The month after another: "2026-12" is followed by "2027-01".
create function registry.month_after(p_month text) returns text language sql immutable as $$
  select to_char(to_date(p_month || '-01', 'YYYY-MM-DD') + interval '1 month', 'YYYY-MM')
$$;

create function registry.check_period() returns trigger language plpgsql as $$
declare
  v_last record;
begin
  perform registry.check_second(new.second_needed, 'to close a month');
  select * into v_last from registry.settlement_period p where p.programme = new.programme order by p.month desc limit 1;
  if found and (new.month <> registry.month_after(v_last.month) or new.first_id <> v_last.through_id + 1) then
    raise exception 'the month after % is closed next, from where it ended', v_last.month;
  end if;
  return new;
end
$$;
create trigger month_follows before insert on registry.settlement_period
  for each row execute function registry.check_period();

-- What is closed never changes, whoever tries; and a change is in the closing's own order, behind its lock.
create function registry.refuse_closed_month() returns trigger language plpgsql as $$
declare
  v_row constant jsonb := to_jsonb(coalesce(new, old));
begin
  if coalesce(current_setting('cityswitch.actor', true), '') = '' then
    raise exception 'a write to registry.% must name its actor', tg_table_name;
  end if;
  perform pg_advisory_xact_lock(1667854707, 1);
  if exists (select from registry.settlement_period p where p.programme = (v_row ->> 'programme')::smallint
      and p.month >= v_row ->> 'month') then
    raise exception 'month % of programme % is closed', v_row ->> 'month', v_row ->> 'programme' using errcode = 'integrity_constraint_violation';
  end if;
  if tg_table_name = 'settlement_correction' then
    perform registry.check_second((v_row ->> 'second_needed')::boolean, 'a correction');
  end if;
  return coalesce(new, old);
end
$$;
create trigger month_is_open before insert or update or delete on registry.statement
  for each row execute function registry.refuse_closed_month();
create trigger month_is_open before insert or update on registry.settlement_summary
  for each row execute function registry.refuse_closed_month();
create trigger month_is_open before insert on registry.settlement_correction
  for each row execute function registry.refuse_closed_month();

-- The first id of a month, by the programme's clock.
create function registry.month_begins_v1(p_programme smallint, p_month text) returns bigint language sql stable as $$
  select (extract(epoch from (to_date(p_month || '-01', 'YYYY-MM-DD')::timestamp
    at time zone registry.zone_of_v1(p_programme, now()))) * 1000)::bigint << 22
$$;

-- Close the ids of a month that is over, in every bucket; returns up to which. As the owner: who settles writes no books. The
-- database's clock decides, and a month is given a minute, so that in the ordinary course nobody's ids are refused.
create function registry.close_month_ids_v1(p_programme smallint, p_month text) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_through constant bigint := registry.month_begins_v1(p_programme, registry.month_after(p_month)) - 1;
begin
  if (extract(epoch from clock_timestamp()) * 1000)::bigint - 60000 << 22 <= v_through then
    raise exception 'month % is not over yet', p_month using errcode = 'integrity_constraint_violation';
  end if;
  perform pg_advisory_xact_lock(1667854707, 2);
  insert into ledger.rollup_mark as m (bucket, through, closing)
    select b, 0, v_through from registry.layout l cross join generate_series(0, l.buckets - 1) as b
    on conflict (bucket) do update set closing = greatest(m.closing, excluded.closing);
  perform registry.note_closed_v1(v_through);
  return v_through;
end
$$;
revoke all on function registry.close_month_ids_v1 from public;
grant execute on function registry.close_month_ids_v1 to cityswitch_programme;

-- As 0050.
do $$
declare t text;
begin
  foreach t in array array['settlement_period', 'settlement_summary', 'statement', 'settlement_correction'] loop
    execute format('alter table registry.%I enable row level security', t);
    execute format('create policy own_programme on registry.%I to cityswitch_programme
                    using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()) %s)', t,
                   case when t in ('settlement_period', 'settlement_summary') then '' else 'and partner in (select id from registry.partner)' end);
    execute format('grant select, insert on registry.%I to cityswitch_programme', t);
  end loop;
end
$$;
grant update (number, due_grosze, document, computed_at), delete on registry.statement to cityswitch_programme;
grant update (summary, computed_at) on registry.settlement_summary to cityswitch_programme;
