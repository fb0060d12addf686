-- What each duplicate costs its holder, by the rules of the day it was asked for (Żywiec § 3): written once, with the card, and never
-- changed. It is owed once the duplicate is handed over ("wydawany … i podlega opłacie"), and a settlement sums it by programme and that
-- moment: one that is never handed over costs nothing. why: '' where a programme's fees are one. old_card: what became of the card
-- whose place it takes: returned, or declared with a signature that it cannot be; where the rules of that day want it (Żywiec § 3:
-- "Warunkiem wydania duplikatu"), no duplicate is handed over without. paid_how: how the fee was paid, '' while it was not.
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
  old_card_needed boolean not null default false,
  old_card   text not null default '' check (old_card in ('', 'returned', 'declared')),
  paid_how   text not null default '' check (paid_how in ('', 'cash', 'card', 'transfer')),
  paid_at    timestamptz,
  paid_by    text check (length(paid_by) between 1 and 64),
  constraint old_card_first check (owed_at is null or old_card <> '' or not old_card_needed),
  check ((paid_how = '') = (paid_at is null) and (paid_how = '') = (paid_by is null) and (paid_how = '' or grosze > 0)),
  unique (account, carrier, issue),
  foreign key (account, carrier, issue) references registry.card
);
create index card_fee_owed on registry.card_fee (programme, owed_at);
create index card_fee_paid on registry.card_fee (programme, paid_at) where paid_at is not null;

call registry.keep_trail('card_fee', 'number', false);

-- What is taken down once: that it is owed, and the old card, at the hand-over. A payment is taken down anew with a reason.
create function registry.keep_fee() returns trigger language plpgsql as $$
begin
  if (to_jsonb(new) - array['owed_at', 'old_card', 'paid_how']) is distinct from (to_jsonb(old) - array['owed_at', 'old_card', 'paid_how'])
      or (old.owed_at is not null and (new.owed_at, new.old_card) is distinct from (old.owed_at, old.old_card)) then
    raise exception 'fee %: what is written there stays', old.number;
  end if;
  if new.paid_how <> old.paid_how then
    if old.paid_how <> '' and coalesce(current_setting('cityswitch.reason', true), '') = '' then
      raise exception 'fee %: a payment is replaced with a reason', old.number using errcode = 'integrity_constraint_violation';
    end if;
    new.paid_at := case when new.paid_how <> '' then clock_timestamp() end;
    new.paid_by := case when new.paid_how <> '' then current_setting('cityswitch.actor') end;
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
