-- What each duplicate costs its holder, by the rules of the day it was asked for (Żywiec § 3): written once, with the card, and never
-- changed. It is owed once the duplicate is handed over ("wydawany … i podlega opłacie"), and a settlement sums it by programme and that
-- moment: one that is never handed over costs nothing. why: '' where a programme's fees are one.
create table registry.card_fee (
  number     bigint generated always as identity primary key,
  account    bigint not null,
  carrier    smallint not null,
  issue      smallint not null,
  programme  smallint not null references registry.programme (id),
  why        text not null check (why in ('', 'fault', 'no-fault', 'changed-data')),
  grosze     int not null check (grosze >= 0),
  decided_at timestamptz not null default clock_timestamp(),
  owed_at    timestamptz,  -- when the duplicate was handed over; null: it was not
  decided_by text not null default current_setting('cityswitch.actor') check (length(decided_by) between 1 and 64),
  unique (account, carrier, issue),
  foreign key (account, carrier, issue) references registry.card
);
create index card_fee_owed on registry.card_fee (programme, owed_at);

call registry.keep_trail('card_fee', 'number', false);

create function registry.keep_fee() returns trigger language plpgsql as $$
begin
  if old.owed_at is not null or (to_jsonb(new) - 'owed_at') is distinct from (to_jsonb(old) - 'owed_at') then
    raise exception 'fee %: what is written there stays', old.number;
  end if;
  return new;
end
$$;
create trigger fee_stays before update on registry.card_fee
  for each row execute function registry.keep_fee();

-- Whatever hands a card over: its fee is owed from then on.
create function registry.owe_fee() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update registry.card_fee f set owed_at = clock_timestamp()
    where f.account = new.account and f.carrier = new.carrier and f.issue = new.issue and f.owed_at is null;
  return null;
end
$$;
create trigger handed_over after update of status on registry.card
  for each row when (old.status = 5 and new.status = 0) execute function registry.owe_fee();
