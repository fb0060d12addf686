-- Campaigns: extra points that the organiser gives for sales by partner, day, hour and kind of holder. Entered by one person with
-- a reason, and a second one where the rules want one; it begins on a day to come, so nothing that was sold already is judged by it, and afterwards only
-- its end can be brought forward, to now. What it gives is posted by the keeper from the organiser's account
-- (ledger/books/campaigns.py) and noted in ledger.bonus, in one transaction.

create table registry.campaign (
  number     int generated always as identity primary key check (number <= 99999999),
  programme  smallint not null references registry.programme (id),
  name       text not null check (length(btrim(name)) between 1 and 64),
  starts_on  date not null,
  ends_on    date not null check (ends_on between starts_on and starts_on + 366),  -- that day included
  weekdays   smallint not null default 127 check (weekdays between 1 and 127),     -- 1 Monday, 2 Tuesday, 4 Wednesday, ...
  from_minute  smallint not null default 0 check (from_minute between 0 and 1439),    -- of the programme's wall clock
  until_minute smallint not null default 1440 check (until_minute between 1 and 1440), -- that minute not included
  partners   int[] not null default '{}' check (cardinality(partners) <= 1000 and array_position(partners, null) is null),
  kinds      int not null default 0 check (kinds between 0 and 65535),  -- whose holder is one of these kinds on that day
  flags      int not null default 0 check (flags between 0 and 65535),  -- or has one of these flags; both 0: everybody
  percent    int not null default 0 check (percent between 0 and 1000), -- of the points of the sale: 100 doubles them
  points     int not null default 0 check (points between 0 and 100000),  -- or so many a sale
  card_points_max int not null default 0 check (card_points_max between 0 and 1000000000),  -- of a card in all; 0: no end
  ended_at   timestamptz,  -- brought forward: what is sold from then on has nothing of it
  reason     text not null default current_setting('cityswitch.reason', true) check (length(btrim(reason)) between 1 and 200),
  made_by    text not null default current_setting('cityswitch.actor') check (length(made_by) between 1 and 64),
  agreed_by  text not null default coalesce(current_setting('cityswitch.second', true), '') check (length(agreed_by) <= 64),
  made_at    timestamptz not null default clock_timestamp(),
  second_needed boolean not null default true,  -- by the rules of the day it was entered; so it is ended, too
  check (from_minute < until_minute),
  check ((percent > 0) <> (points > 0)),
  check (not second_needed or registry.folded_name(agreed_by) not in ('', registry.folded_name(made_by)))
);
create index campaign_programme on registry.campaign (programme, ends_on);
call registry.keep_trail('campaign', 'number', false);

create function registry.check_campaign() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_today constant date := registry.today_of(new.programme);
begin
  if new.made_by <> current_setting('cityswitch.actor') or new.agreed_by <> coalesce(current_setting('cityswitch.second', true), '')
      or new.ended_at is not null or new.made_at < clock_timestamp() - interval '1 minute' then
    raise exception 'a campaign is entered as what it is: by who writes it, with who agreed'
      using errcode = 'integrity_constraint_violation';
  end if;
  perform registry.check_second(new.second_needed, 'a campaign');
  if new.starts_on <= v_today or new.starts_on > v_today + 731 then
    raise exception 'a campaign begins on a day to come, within two years' using errcode = 'integrity_constraint_violation';
  end if;
  if (select count(distinct p.id) from registry.partner p where p.id = any (new.partners) and p.programme = new.programme)
      <> cardinality(new.partners) then
    raise exception 'a campaign names partners of its programme, each once' using errcode = 'integrity_constraint_violation';
  end if;
  if (select count(*) from registry.campaign c where c.programme = new.programme and c.ends_on >= v_today
      and c.ended_at is null) >= 50 then
    raise exception 'a programme has at most 50 campaigns that run or are to come' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger campaign_is_sound before insert on registry.campaign
  for each row execute function registry.check_campaign();

-- Of a campaign that is there only the end changes, once, to now, by as many people as entered it.
create function registry.end_campaign() returns trigger language plpgsql as $$
begin
  if old.ended_at is not null or new.ended_at is null
      or (to_jsonb(new) - 'ended_at') is distinct from (to_jsonb(old) - 'ended_at') then
    raise exception 'campaign %: it stays as it was entered, and ends once', old.number
      using errcode = 'integrity_constraint_violation';
  end if;
  perform registry.check_second(new.second_needed, 'the end of a campaign');
  new.ended_at := clock_timestamp();
  return new;
end
$$;
create trigger campaign_ends before update on registry.campaign
  for each row execute function registry.end_campaign();

-- campaign.added, campaign.ended: for who tells holders of it.
create function registry.tell_campaign() returns trigger language plpgsql as $$
begin
  perform registry.tell_v1(new.programme, case when new.ended_at is null then 'campaign.added' else 'campaign.ended' end,
    null, null, jsonb_build_object('campaign', new.number, 'starts_on', new.starts_on, 'ends_on', new.ends_on,
      'percent', new.percent, 'points', new.points));
  return null;
end
$$;
create trigger tell_campaign after insert or update on registry.campaign
  for each row execute function registry.tell_campaign();

-- What a campaign gave for a sale. number 1: when the sale was seen; 2, 3, ...: after a reversal or a refund of it. Never changed.
-- granted: for the whole sale; what is due is granted * points left of the sale / points of the sale, rounded down, and is
-- what all rows of a sale come to, points less waived.
create table ledger.bonus (
  bucket         int not null,     -- of the card, as the sale's
  terminal       int not null,     -- of the sale
  stan           int not null,
  campaign       int not null,
  number         int not null,
  programme      int not null,
  partner        int not null,     -- whose sale it is
  account        bigint not null,
  granted        bigint not null check (granted >= 0),
  points         bigint not null,  -- the change of the card; 0: nothing was posted
  waived         bigint not null check (waived >= 0),  -- taken back no more: the card had spent it, and may not go below zero
  transaction_id bigint not null,  -- of the posting; 0: none
  bonus_stan     int not null,     -- its STAN, of terminal 2,000,020,000 + programme; 0: none
  primary key (bucket, terminal, stan, campaign, number),
  check ((points = 0) = (bonus_stan = 0) and (points = 0) = (transaction_id = 0))
);
create index bonus_account on ledger.bonus (bucket, account, campaign);
create index bonus_transaction on ledger.bonus (bucket, transaction_id);

-- Up to which transaction id sales were looked at.
create table ledger.bonus_mark (
  bucket  int not null,
  through bigint not null,
  primary key (bucket)
);

-- The sales that postings of a bucket, after an id and up to another, are about: as themselves, then they may have a bonus, or as
-- what was undone, then they have or have not one. left_of_it: of their points, less what was undone.
create function ledger.sales_v1(p_bucket int, p_after bigint, p_through bigint)
returns table (terminal int, stan int, transaction_id bigint, account bigint, partner int, points bigint, left_of_it bigint,
  at_ms bigint, is_new boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return query
  with met as (
    select j.terminal, j.stan, true as is_new from ledger.journal j
      where j.bucket = p_bucket and j.transaction_id > p_after and j.transaction_id <= p_through
        and j.kind in (1, 2) and j.code = 0 and j.points > 0
    union all
    select coalesce(j.original_terminal, j.terminal), j.original_stan, false from ledger.journal j
      where j.bucket = p_bucket and j.transaction_id > p_after and j.transaction_id <= p_through
        and j.kind in (4, 10) and j.code = 0 and j.points < 0
  )
  select s.terminal, s.stan, s.transaction_id, s.account, (s.counter_account >> 3)::int, s.points,
      case when exists (select from ledger.reversal v
          where v.bucket = p_bucket and v.terminal = s.terminal and v.original_stan = s.stan) then 0
        else s.points + coalesce((select f.points from ledger.refund f
          where f.bucket = p_bucket and f.terminal = s.terminal and f.original_stan = s.stan
          order by f.number desc limit 1), 0) end,
      case when s.kind = 2 then least(s.terminal_time * 1000, s.accepted_at_ms) else s.accepted_at_ms end, m.is_new
    from (select met.terminal, met.stan, bool_or(met.is_new) as is_new from met group by 1, 2) m
    cross join lateral (select * from ledger.journal j
      where j.bucket = p_bucket and j.terminal = m.terminal and j.stan = m.stan and j.kind in (1, 2) limit 1) s;
end
$$;

-- What campaigns gave for sales, and what they gave to cards in all.
create function ledger.bonuses_of_sales_v1(p_bucket int, p_terminals int[], p_stans int[])
returns table (terminal int, stan int, campaign int, rows int, granted bigint, stands bigint, waived bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return query
  select b.terminal, b.stan, b.campaign, count(*)::int, max(b.granted), sum(b.points)::bigint, sum(b.waived)::bigint
    from unnest(p_terminals, p_stans) as s(terminal, stan)
    join ledger.bonus b on b.bucket = p_bucket and b.terminal = s.terminal and b.stan = s.stan
    group by 1, 2, 3;
end
$$;
create function ledger.bonuses_of_accounts_v1(p_bucket int, p_accounts bigint[])
returns table (account bigint, campaign int, points bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
  return query select b.account, b.campaign, sum(b.points)::bigint from ledger.bonus b
    where b.bucket = p_bucket and b.account = any (p_accounts) group by 1, 2;
end
$$;
revoke all on function ledger.sales_v1, ledger.bonuses_of_sales_v1, ledger.bonuses_of_accounts_v1 from public;
grant execute on function ledger.sales_v1, ledger.bonuses_of_sales_v1, ledger.bonuses_of_accounts_v1 to cityswitch_service;

-- As an office reads it (0052): what campaigns gave in all, of one posting, and beside a partner's sales of a month.
create function office.given_v1(p_campaigns int[]) returns table (campaign int, points bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_buckets constant int[] := office.buckets();
  v_programmes constant smallint[] := office.programmes();
begin
  return query select b.campaign, sum(b.points)::bigint from ledger.bonus b
    where b.bucket = any (v_buckets) and b.campaign = any (p_campaigns)
      and (v_programmes is null or b.programme = any (v_programmes)) group by 1;
end
$$;

create function office.bonus_v1(p_transaction_id bigint) returns setof ledger.bonus
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_buckets constant int[] := office.buckets();
  v_programmes constant smallint[] := office.programmes();
begin
  return query select b.* from ledger.bonus b
    where b.bucket = any (v_buckets) and b.transaction_id = p_transaction_id
      and (v_programmes is null or b.programme = any (v_programmes));
end
$$;

-- By partner, and by the month of the sales where that is earlier: a bonus is of the month it was posted in.
create function office.bonuses_v1(p_programme smallint, p_first bigint, p_through bigint, p_zone text)
returns table (partner int, origin text, points bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_buckets constant int[] := office.buckets();
begin
  if p_programme = any (coalesce(office.programmes(), array[p_programme])) then
    return query select b.partner, case when b.sale < p_first
          then to_char(to_timestamp((b.sale >> 22) / 1000.0) at time zone p_zone, 'YYYY-MM') else '' end, sum(b.points)::bigint
      from (select o.partner, o.points, (select j.transaction_id from ledger.journal j
            where j.bucket = o.bucket and j.terminal = o.terminal and j.stan = o.stan) as sale
          from ledger.bonus o
          where o.bucket = any (v_buckets) and o.programme = p_programme and o.transaction_id between p_first and p_through) b
      group by 1, 2 having sum(b.points) <> 0 order by 1, 2;
  end if;
end
$$;
revoke all on function office.given_v1, office.bonus_v1, office.bonuses_v1 from public;
grant execute on function office.given_v1, office.bonus_v1, office.bonuses_v1 to cityswitch_service, cityswitch_programme;

alter table registry.campaign enable row level security;
create policy serves_all on registry.campaign to cityswitch_service using (true);
create policy own_programme on registry.campaign to cityswitch_programme
  using (programme in (select registry.my_programmes())) with check (programme in (select registry.my_programmes()));
grant select on registry.campaign to cityswitch_service, cityswitch_programme;
grant insert (programme, name, starts_on, ends_on, weekdays, from_minute, until_minute, partners, kinds, flags, percent, points,
  card_points_max, second_needed), update (ended_at) on registry.campaign to cityswitch_programme;
grant select, insert on ledger.bonus to cityswitch_service;
grant select, insert, update on ledger.bonus_mark to cityswitch_service;
