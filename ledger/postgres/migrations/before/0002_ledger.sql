-- The books. Every table carries `bucket` as first part of its key, so that the same schema runs on one Postgres
-- and on a sharded engine: no triggers, rules, sequences, NOTIFY or foreign keys in this schema (a test holds it).
-- Append-only is held by grants: the service may insert and read journal, posting, reversal and refund, nothing else.
--
-- Units: 0 points, 1 uses, 2 grosze. Every posting stays in one; so does every account but a quota, by the low bits of its
-- id: 0 card, 1 and 2 partner (issued, redeemed), 3 organiser: points; 4 partner: uses; 5 partner, 6 card (discounts
-- given, discounts had): grosze. A quota is an account of its owner in uses (ledger.quota).

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
  registry_number   bigint not null default 0,  -- the newest registry change the switch had decided by; 0: a hand's
  rules_version     int not null,
  previous_terminal int not null,
  previous_stan     int not null,
  kind              smallint not null,
  code              smallint not null,
  last4             smallint not null,  -- last four digits of the plastic, as printed; -1: no card number was read
  -- Bits 0..2 how the card was read, 3..5 language of the receipt, 6..8 what the cashier confirmed, 9..11 what he is
  -- told to check, 12 the balance may go below its floor by this.
  details           smallint not null default 0,
  step_grosze       int not null default 0,  -- of an earn: a refund computes the points by it anew
  -- What few rows have:
  offer             int,
  remaining         int,     -- uses left of its tightest quota, after it; null: it has no quota
  original_terminal int,     -- of a refund: whose sale it is
  discount_grosze   bigint,
  tier              bigint,  -- of a redemption: the points asked for
  basis             bigint,  -- what decided and stands nowhere else: of a redemption the amount to pay, of a benefit
                             -- the kinds of its holder on that day (bits); null: 0
  primary key (bucket, terminal, stan)
);

-- One row per leg: 1 the points, further ones the discount and the uses. `quota_period` is set for uses: then `debit`
-- (`credit`, where they are given back) is the owner of the quota, quota << 32 | period says which of his.
-- Eight columns: a ninth makes the header of every row 8 bytes longer, for the nulls.
create table ledger.posting (
  bucket         int not null,
  leg            smallint not null,
  unit           smallint not null default 0,
  transaction_id bigint not null,
  debit          bigint not null,
  credit         bigint not null,
  points         bigint not null check (points > 0),  -- how many of the unit
  quota_period   bigint,
  primary key (bucket, transaction_id, leg)
);

-- How often somebody may do something in a period. owner: the card account (limits per card), or the organiser's
-- account (limits per offer or programme: wide ones). The limit itself comes with each request, from the rules in force.
-- The key begins with the period: what is in use now lies together, however many periods have passed.
-- With more than one bucket a wide quota is held in shares: share_v1(limit, bucket) + moved.
create table ledger.quota (
  bucket   int not null,
  period   int not null,
  quota    int not null,   -- offer << 3 | number of the limit; the number alone for a limit of the programme
  allowed  int not null,   -- the limit that the newest use was judged by
  owner    bigint not null,
  balance  int not null,   -- minus what was used
  moved    int not null default 0,           -- of the share: had from other buckets, less given to them
  is_short boolean not null default false,   -- somebody was refused since shares were last moved
  primary key (bucket, period, quota, owner)
) with (fillfactor = 75);
create index quota_short on ledger.quota (bucket) where is_short;

-- A part of a share on its way: a row in the giver's bucket when it has left, a row in the taker's when it has arrived.
create table ledger.share_move (
  bucket   int not null,
  giver    int not null,
  taker    int not null,
  owner    bigint not null,
  period   int not null,
  quota    int not null,
  number   int not null,   -- of the giver's moves of this quota
  uses     int not null check (uses > 0),
  is_taken boolean not null default false,
  primary key (bucket, period, quota, owner, giver, number)
);
create index share_move_open on ledger.share_move (bucket) where not is_taken;

-- At most one reversal per original.
create table ledger.reversal (
  bucket        int not null,
  terminal      int not null,
  original_stan int not null,
  stan          int not null,
  primary key (bucket, terminal, original_stan)
);

-- The refunds of a sale, counted: what they came to with each of them.
create table ledger.refund (
  bucket          int not null,
  terminal        int not null,     -- of the sale
  original_stan   int not null,
  number          int not null,     -- 1, 2, ...
  refund_terminal int not null,
  refund_stan     int not null,
  refunded_grosze bigint not null,  -- this one and all before
  points          bigint not null,  -- what all these changed the card account by
  primary key (bucket, terminal, original_stan, number)
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
grant insert on ledger.journal, ledger.posting, ledger.reversal, ledger.refund, ledger.claim, ledger.quota,
  ledger.share_move to cityswitch_service;
grant update (allowed, balance, moved, is_short) on ledger.quota to cityswitch_service;
grant update (is_taken) on ledger.share_move to cityswitch_service;
grant update (balance, last_terminal, last_stan, previous_terminal, previous_stan, previous_balance)
  on ledger.account to cityswitch_service;
