-- What each duplicate costs its holder, by the rules of the day it was asked for (Żywiec § 3): written once, with the card, and never
-- changed. It is owed once the duplicate is handed over ("wydawany … i podlega opłacie"), and a settlement sums it by programme and that
-- moment: one that is never handed over costs nothing. why: '' where a programme's fees are one. old_card: what became of the card
-- whose place it takes: returned, or declared with a signature that it cannot be; where the rules of that day want it (Żywiec § 3:
-- "Warunkiem wydania duplikatu"), no duplicate is handed over without.
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
  constraint old_card_first check (owed_at is null or old_card <> '' or not old_card_needed),
  unique (account, carrier, issue),
  foreign key (account, carrier, issue) references registry.card
);
create index card_fee_owed on registry.card_fee (programme, owed_at);

call registry.keep_trail('card_fee', 'number', false);

-- What is taken down once: that it is owed, and the old card, at the hand-over.
create function registry.keep_fee() returns trigger language plpgsql as $$
begin
  if (to_jsonb(new) - array['owed_at', 'old_card']) is distinct from (to_jsonb(old) - array['owed_at', 'old_card'])
      or (old.owed_at is not null and (new.owed_at, new.old_card) is distinct from (old.owed_at, old.old_card)) then
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

-- What was paid of a fee, and what was taken back of that, each at its moment and for ever: a month's settlement sums what moved in it,
-- so a month that was closed stays what it was. takes_back: the payment that a row takes back, with a reason, whole and once; it
-- was entered wrongly, or given back. Paid in another way than was taken down is two rows, and no new money.
create table registry.card_fee_payment (
  number     bigint generated always as identity primary key,
  fee        bigint not null references registry.card_fee,
  programme  smallint not null references registry.programme (id),  -- the fee's
  how        text not null check (how in ('cash', 'card', 'transfer')),
  grosze     int not null check (grosze <> 0),
  takes_back bigint unique references registry.card_fee_payment,
  at         timestamptz not null,
  made_by    text not null check (length(made_by) between 1 and 64),
  reason     text not null,
  check ((grosze < 0) = (takes_back is not null) and (takes_back is null or btrim(reason) <> ''))
);
create index card_fee_payment_of on registry.card_fee_payment (fee, number);
create index card_fee_payment_at on registry.card_fee_payment (programme, at);

call registry.keep_trail('card_fee_payment', 'number', false);
create trigger payment_stays before update on registry.card_fee_payment
  for each statement execute function registry.refuse_change();

-- Whose, when, by whom and why is not for whoever writes to say; a fee is paid whole, and once until that is taken back.
create function registry.check_fee_payment() returns trigger language plpgsql as $$
declare
  v_paid registry.card_fee_payment;
begin
  select p.* into v_paid from registry.card_fee_payment p where p.fee = new.fee order by p.number desc limit 1;
  select f.programme into new.programme from registry.card_fee f where f.number = new.fee and f.grosze = abs(new.grosze);
  if not found
      or (new.takes_back is null and v_paid.grosze > 0)
      or (new.takes_back is not null
        and (new.takes_back, new.how, -new.grosze) is distinct from (v_paid.number, v_paid.how, v_paid.grosze)) then
    raise exception 'fee %: it is paid whole and once, or what was paid is taken back', new.fee
      using errcode = 'integrity_constraint_violation';
  end if;
  new.at := clock_timestamp();
  new.made_by := current_setting('cityswitch.actor');
  new.reason := coalesce(current_setting('cityswitch.reason', true), '');
  return new;
end
$$;
create trigger payment_fits before insert on registry.card_fee_payment
  for each row execute function registry.check_fee_payment();
