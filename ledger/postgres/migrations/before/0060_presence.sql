-- Who is on line, when it was heard last and why it was not let in, as the workers of the switch tell it every few seconds
-- (switch/process/presence.py). It decides nothing and nobody follows it: no trail, no change number. What a killed worker
-- told of its terminals is over with its beat.

-- One life of one worker. Its terminals are on line for as long as it beats; whoever drains takes its row away.
create table registry.worker_presence (
  id         bigint generated always as identity primary key,
  worker     smallint not null,
  host       text not null check (length(host) between 1 and 255),
  pid        int not null,
  version    text not null check (length(version) between 1 and 64),
  started_at timestamptz not null default clock_timestamp(),
  beat_at    timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- terminal: the number, as somebody proved it or, of a failure, only claimed it; so not every one is in registry.terminal.
-- worker: where it is on line, by registry.worker_presence; null: it hung up, as `ended` says.
create table registry.terminal_presence (
  terminal    int primary key check (terminal between 1 and 99999999),
  worker      bigint,
  since       timestamptz,  -- on line
  seen_at     timestamptz,  -- its newest whole request
  ended_at    timestamptz,
  failed_at   timestamptz,
  failures    bigint not null default 0,
  software    text not null default '' check (length(software) <= 32),
  ended       text not null default '' check (length(ended) <= 64),
  failure     text not null default '' check (length(failure) <= 64),
  failed_from text not null default '' check (length(failed_from) <= 64)
) with (fillfactor = 50);

-- In which hours of a day, by its programme's clock, a terminal was heard: bit 0 from midnight to one.
create table registry.terminal_hours (
  day      date not null,
  terminal int not null,
  hours    int not null check (hours between 1 and 16777215),  -- the hour that a day of 25 has twice is one bit
  primary key (day, terminal)
) with (fillfactor = 50);

-- The time zone of a programme, by the rules in force; Warsaw's before any.
create function registry.zone_of_v1(p_programme smallint, p_at timestamptz) returns text
language sql stable as $$
  select coalesce((
    select v.time_zone from registry.programme_version v
      where v.programme = p_programme and v.effective_from <= p_at
      order by v.effective_from desc, v.version desc limit 1), 'Europe/Warsaw')
$$;

-- The terminals that are silent for longer than usual: not heard since the last full hour began, though heard in that hour of
-- the same weekday both one and two weeks before. A terminal, or a partner, that is blocked is silent for good reason.
create function registry.silent_terminals_v1(p_at timestamptz) returns table (terminal int, programme smallint)
language sql stable as $$
  with full_hour as materialized (
    select z.programme, z.zone, date_trunc('hour', p_at at time zone z.zone) - interval '1 hour' as began
      from (select p.id as programme, registry.zone_of_v1(p.id, p_at) as zone from registry.programme p
        where (p.ended_from is null or p.ended_from > p_at) and not p.suspended @> p_at) z
  )
  select t.id, h.programme
    from full_hour h
    join registry.partner pa on pa.programme = h.programme and pa.status = 0
    join registry.terminal t on t.partner = pa.id and t.status = 0
    left join registry.terminal_presence s on s.terminal = t.id
    where coalesce(s.seen_at < h.began at time zone h.zone, true)
      and (select count(*) from registry.terminal_hours u
        where u.day in (h.began::date - 7, h.began::date - 14) and u.terminal = t.id
          and u.hours >> extract(hour from h.began)::int & 1 = 1) = 2
$$;

-- What a worker tells of its terminals, a row each (ledger/registry/presence.py, `Told`). Rows in the order of their numbers,
-- so that two workers never wait for each other crosswise. Of a terminal that another worker has a newer connection alone is
-- believed, and no end.
create function registry.note_presence_v1(p_worker bigint, p_terminal int[], p_is_open boolean[], p_since_ms bigint[],
  p_seen_ms bigint[], p_software text[], p_ended text[], p_ended_ms bigint[], p_failure text[], p_failed_ms bigint[],
  p_failed_from text[], p_failures bigint[]
) returns void language sql volatile as $$
  with told as materialized (
    select terminal, is_open, to_timestamp(since_ms / 1000.0) as since, to_timestamp(seen_ms / 1000.0) as seen_at, software,
        ended, to_timestamp(ended_ms / 1000.0) as ended_at, failure, to_timestamp(failed_ms / 1000.0) as failed_at,
        failed_from, failures
      from unnest(p_terminal, p_is_open, p_since_ms, p_seen_ms, p_software, p_ended, p_ended_ms, p_failure, p_failed_ms,
        p_failed_from, p_failures) as t(terminal, is_open, since_ms, seen_ms, software, ended, ended_ms, failure, failed_ms,
        failed_from, failures)
  ), zone as materialized (
    select p.id as programme, registry.zone_of_v1(p.id, now()) as zone from registry.programme p
  ), heard as (
    insert into registry.terminal_hours as h (day, terminal, hours)
      select (n.seen_at at time zone z.zone)::date, n.terminal, 1 << extract(hour from n.seen_at at time zone z.zone)::int
        from told n join registry.terminal t on t.id = n.terminal join registry.partner p on p.id = t.partner
        join zone z on z.programme = p.programme
        where n.seen_at is not null order by n.terminal
      on conflict (day, terminal) do update set hours = h.hours | excluded.hours where h.hours & excluded.hours = 0
  )
  insert into registry.terminal_presence as p
      (terminal, worker, since, seen_at, software, ended, ended_at, failure, failed_at, failed_from, failures)
    select terminal, case when is_open then p_worker end, since, seen_at, software, ended, ended_at, failure, failed_at,
        failed_from, failures from told order by terminal
    on conflict (terminal) do update set
      worker = case
        when excluded.worker is null then case when excluded.since is null or p.worker <> p_worker then p.worker end
        when p.worker <> p_worker and excluded.since < p.since then p.worker
        else excluded.worker end,
      since = greatest(p.since, excluded.since),
      seen_at = greatest(p.seen_at, excluded.seen_at),
      software = case when excluded.software = '' then p.software else excluded.software end,
      ended = case when p.ended_at is null or excluded.ended_at >= p.ended_at then excluded.ended else p.ended end,
      ended_at = greatest(p.ended_at, excluded.ended_at),
      failure = case when p.failed_at is null or excluded.failed_at >= p.failed_at then excluded.failure else p.failure end,
      failed_from = case when p.failed_at is null or excluded.failed_at >= p.failed_at
        then excluded.failed_from else p.failed_from end,
      failed_at = greatest(p.failed_at, excluded.failed_at),
      failures = p.failures + excluded.failures
$$;
revoke all on function registry.note_presence_v1 from public;
grant execute on function registry.note_presence_v1 to cityswitch_service;

do $$
declare t text;
begin
  foreach t in array array['registry.terminal_presence', 'registry.terminal_hours'] loop
    execute format('alter table %s enable row level security', t);
    execute format('create policy serves_all on %s to cityswitch_service using (true) with check (true)', t);
    execute format('create policy own_programme on %s to cityswitch_programme
                    using (terminal in (select id from registry.terminal))', t);
  end loop;
end
$$;

grant select, insert, update, delete on registry.worker_presence, registry.terminal_presence, registry.terminal_hours
  to cityswitch_service;
grant select on registry.terminal_presence, registry.terminal_hours to cityswitch_programme;
grant select (id, worker, version, started_at, beat_at) on registry.worker_presence to cityswitch_programme;
