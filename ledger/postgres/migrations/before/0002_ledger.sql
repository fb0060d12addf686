-- The books. Every table carries `bucket` as first part of its key, so that the same schema runs on one Postgres
-- and on a sharded engine: no triggers, rules, sequences, NOTIFY or foreign keys in this schema (a test holds it).
-- Append-only is held by grants: the service may insert and read journal, posting and reversal, nothing else.

create schema if not exists ledger;

-- One row per card account. Partner and organiser accounts have no row: nothing is ever locked or checked there.
-- last_* names the newest journal row of the account; each journal row names the one before it. So a card's
-- history needs no index whose pages spread with the journal, and a posting costs the same in year ten.
create table ledger.account (
  bucket        int not null,
  last_terminal int not null default 0,
  id            bigint not null,
  balance       bigint not null default 0,
  floor         bigint not null default 0,
  last_stan     int not null default 0,
  -- What the row held before its newest change, so that an UPDATE can return it (RETURNING old needs Postgres 18).
  previous_terminal int not null default 0,
  previous_stan     int not null default 0,
  previous_balance  bigint not null default 0,
  primary key (bucket, id)
) with (fillfactor = 50);  -- room for the next version on the same page: updates touch no index

-- One row per (terminal, STAN) for ever: approved, declined, or settled as never to be executed (a tombstone:
-- kind 0, code 24, digest null). points is the change of the card account, balance the balance after it.
create table ledger.journal (
  bucket            int not null,
  terminal          int not null,
  stan              int not null,
  original_stan     int not null,  -- 0: none
  transaction_id    bigint not null,
  account           bigint not null,  -- 0: no card known
  counter_account   bigint not null,
  points            bigint not null,
  balance           bigint not null,
  amount_grosze     bigint not null,
  digest            bigint,
  accepted_at_ms    bigint not null,  -- the switch's clock
  terminal_time     bigint not null,  -- recorded, never trusted
  rules_version     int not null,
  previous_terminal int not null,
  previous_stan     int not null,
  kind              smallint not null,
  code              smallint not null,
  last4             smallint not null,  -- last four digits of the plastic, as printed; -1: no card number was read
  primary key (bucket, terminal, stan)
);

create table ledger.posting (
  bucket         int not null,
  leg            int not null,
  transaction_id bigint not null,
  debit          bigint not null,
  credit         bigint not null,
  points         bigint not null check (points > 0),
  primary key (bucket, transaction_id, leg)
);

-- At most one reversal per original.
create table ledger.reversal (
  bucket        int not null,
  terminal      int not null,
  original_stan int not null,
  stan          int not null,
  primary key (bucket, terminal, original_stan)
);

-- With more than one bucket: where an id stands, whatever its card. Bucketed by the terminal. The first use of an id
-- says in which bucket (`home`) it stands for ever, and with which request; digest null: it was settled before it came.
create table ledger.claim (
  bucket   int not null,
  terminal int not null,
  stan     int not null,
  home     int not null,
  digest   bigint,
  primary key (bucket, terminal, stan)
);

-- What partner and organiser accounts came to up to `through`; their balance is this plus the tail of postings.
create table ledger.rollup (
  bucket  int not null,
  account bigint not null,
  balance bigint not null,
  primary key (bucket, account)
);
create table ledger.rollup_mark (
  bucket  int not null,
  through bigint not null,  -- transaction id, inclusive
  primary key (bucket)
);

-- Same arithmetic as ledger.books.posting.bucket_of in Python; a test compares them.
-- The bucket of an id is that of its terminal: bucket_of(terminal << 3, buckets).
create function ledger.bucket_of(account bigint, buckets int) returns int
language sql immutable parallel safe strict as $$
  select (((((account >> 3) & 2147483647) * 1103515245) >> 15) % buckets)::int
$$;

grant usage on schema ledger to cityswitch_service;
grant select on all tables in schema ledger to cityswitch_service;
grant insert on ledger.journal, ledger.posting, ledger.reversal, ledger.claim to cityswitch_service;
grant update (balance, last_terminal, last_stan, previous_terminal, previous_stan, previous_balance)
  on ledger.account to cityswitch_service;
