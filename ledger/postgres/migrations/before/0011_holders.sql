-- What decides about a holder, one row an account: no name, number, address or date of birth. Those lie in schema people
-- (0012), which the service cannot read. A card account without a row has no holder's data at all.

alter table registry.programme_version add column time_zone text not null default 'Europe/Warsaw';

-- Of a version of the rules: from which completed year of life on which set of kinds (a bit mask) holds. Derived from the
-- rules when they are published, so that the database can advance kinds without being told how by the service.
create table registry.kind_step (
  programme smallint not null,
  version   int not null,
  from_age  smallint not null check (from_age between 0 and 200),
  kinds     int not null check (kinds between 0 and 65535),
  primary key (programme, version, from_age),
  foreign key (programme, version) references registry.programme_version (programme, version)
);
create trigger change_lock before insert on registry.kind_step
  for each statement execute function registry.take_change_lock();
create trigger steps_stay before update or delete or truncate on registry.kind_step
  for each statement execute function registry.refuse_change();

-- kinds holds from kinds_from until the day before next_from; before it was kinds_before, then it is kinds_next. A null day:
-- no such change. Entitled until that day, that day included; null: nothing was proved. A notice: void after notice_ends_on.
create table registry.holder (
  account         bigint primary key check (account > 0 and account & 7 = 0),
  changed         bigint not null,
  kinds_from      date,
  next_from       date,
  entitled_until  date,
  notice_given_on date,
  notice_ends_on  date,
  resigned_on     date,
  kinds_before    int not null default 0 check (kinds_before between 0 and 65535),
  kinds           int not null default 0 check (kinds between 0 and 65535),
  kinds_next      int not null default 0 check (kinds_next between 0 and 65535),
  flags           int not null default 0 check (flags between 0 and 65535),
  programme       smallint not null references registry.programme (id),
  tax_year        smallint check (tax_year between 1990 and 2200),  -- the newest proof
  guardian        boolean not null default false,
  unique (account, programme),
  check ((notice_given_on is null) = (notice_ends_on is null)),
  check (kinds_from < next_from)
);
create index holder_changed on registry.holder (changed);
create index holder_due on registry.holder (next_from) where next_from is not null;
create index holder_notice on registry.holder (notice_ends_on) where notice_ends_on is not null;

call registry.keep_trail('holder', 'account');

-- Today in a programme's own time zone, by the rules in force.
create function registry.today_of(p_programme smallint) returns date language sql stable as $$
  select (now() at time zone coalesce((
    select v.time_zone from registry.programme_version v
      where v.programme = p_programme and v.effective_from <= now()
      order by v.effective_from desc, v.version desc limit 1), 'Europe/Warsaw'))::date
$$;

-- What state a card has today: void from the moment on at which a notice of its account has run out, whether it was written
-- or not yet (end_notices_v1). What may be done with a card is judged by this.
create function registry.status_today(p_account bigint, p_status smallint) returns smallint language sql stable as $$
  select case when p_status in (0, 1, 2, 4, 5, 7) and exists (
      select from registry.holder h
        where h.account = p_account and h.notice_ends_on < registry.today_of(h.programme))
    then 9::smallint else p_status end
$$;

-- A notice that has run out voids the cards of its account (Zgierz § 33); for the service, which may call it and not write.
-- Until it is called the last valid day of the cards has passed all the same. Returns how many cards became void.
create function registry.end_notices_v1() returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_ended int;
begin
  if not exists (
    select from registry.holder h join registry.card c using (account)
      where h.notice_ends_on < registry.today_of(h.programme) and c.status in (0, 1, 2, 4, 5, 7)
  ) then
    return 0;
  end if;
  perform set_config('cityswitch.actor', 'keeper', true), set_config('cityswitch.hand', 'clock', true),
    set_config('cityswitch.reason', 'the notice has run out', true), set_config('cityswitch.source', '', true);
  update registry.card c set status = 9
    from registry.holder h
    where h.account = c.account and h.notice_ends_on < registry.today_of(h.programme)
      and c.status in (0, 1, 2, 4, 5, 7);
  get diagnostics v_ended = row_count;
  return v_ended;
end
$$;

grant select on registry.holder, registry.kind_step to cityswitch_service;
revoke all on function registry.end_notices_v1 from public;
grant execute on function registry.end_notices_v1 to cityswitch_service;
