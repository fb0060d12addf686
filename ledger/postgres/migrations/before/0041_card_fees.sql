-- What each duplicate costs its holder, by the rules of the day it was asked for (Żywiec § 3): a settlement sums it by
-- programme and moment. Written once, with the card, and never changed. why: '' where a programme's fees are one.
create table registry.card_fee (
  number     bigint generated always as identity primary key,
  account    bigint not null,
  carrier    smallint not null,
  issue      smallint not null,
  programme  smallint not null references registry.programme (id),
  why        text not null check (why in ('', 'fault', 'no-fault', 'changed-data')),
  grosze     int not null check (grosze >= 0),
  decided_at timestamptz not null default clock_timestamp(),
  decided_by text not null default current_setting('cityswitch.actor') check (length(decided_by) between 1 and 64),
  unique (account, carrier, issue),
  foreign key (account, carrier, issue) references registry.card
);
create index card_fee_decided on registry.card_fee (programme, decided_at);

call registry.keep_trail('card_fee', 'number', false);
create trigger fee_stays before update on registry.card_fee
  for each statement execute function registry.refuse_change();
