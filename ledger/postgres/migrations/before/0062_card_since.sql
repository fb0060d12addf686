-- Since when a card is there: a sale that was made offline before was not made with it (silent: late sales). Cards of before
-- this column are taken to have been there for ever.
alter table registry.card add column added_at timestamptz not null default '1970-01-01 00:00:00+00';
alter table registry.card alter column added_at set default now();
