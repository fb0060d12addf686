-- Which accounts need no look of the expiry of points (ledger/books/expiry.py): nothing was posted to it since the row
-- `seen`, and nothing of it expires before `next_day` (days since 1970). Only saves work: a row that is missing means a look.
create table ledger.expiry (
  bucket        int not null,
  account       bigint not null,
  seen_terminal int not null,
  seen_stan     int not null,
  next_day      int not null,
  primary key (bucket, account)
) with (fillfactor = 75);
grant select, insert, update on ledger.expiry to cityswitch_service;
