-- What the elected worker looks at every few seconds for the city's figures (ledger/books/gauges.py).

-- Quotas of an offer or a programme (their owner is an organiser's account) beside those of millions of cards. No column of
-- the index changes with a use, so uses stay as cheap as they were.
create index quota_wide on ledger.quota (bucket, owner, period) where owner & 7 = 3;

-- How many cases are open, and of what; whose card it is, and what was read of it, the service still does not see.
grant select (number, programme, kind, state) on registry.card_case to cityswitch_service;
