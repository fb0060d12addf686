"""The rules that let the ledger run unchanged on one Postgres and on a sharded one, read from the catalogue.

Each rule is one query; each is tried on planted faults.
"""

import pytest

from ledger.postgres.database import Connection, Database

TABLES = """
  with ledger_table as (
    select c.oid, c.oid::regclass::text as name, c.relpersistence,
      (select a.attnum from pg_attribute a
        where a.attrelid = c.oid and a.attname = 'bucket' and a.attnotnull
          and a.atttypid = 'int'::regtype) as bucket
    from pg_class c where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p')
  )
"""
RULES = {
    "every table has a bucket, int and not null": "select name from ledger_table where bucket is null",
    "every table has a primary key": """
        select name from ledger_table t
          where not exists (select from pg_index i where i.indrelid = t.oid and i.indisprimary)""",
    "the bucket is the first column of every key": """
        select i.indexrelid::regclass::text from ledger_table t join pg_index i on i.indrelid = t.oid
          where i.indisunique and i.indkey[0] is distinct from t.bucket""",
    "no foreign key leaves the bucket": """
        select k.conname::text from ledger_table t
          join pg_constraint k on k.conrelid = t.oid and k.contype = 'f'
          left join ledger_table r on r.oid = k.confrelid
          where r.oid is null
             or coalesce(array_position(k.conkey, t.bucket) <> array_position(k.confkey, r.bucket), true)""",
    "nothing outside refers into the ledger": """
        select k.conname::text from pg_constraint k join ledger_table t on t.oid = k.confrelid
          where k.contype = 'f' and k.conrelid not in (select oid from ledger_table)""",
    "no triggers": """
        select g.tgname::text from ledger_table t join pg_trigger g on g.tgrelid = t.oid
          where not g.tgisinternal""",
    "no rules": "select r.rulename::text from ledger_table t join pg_rewrite r on r.ev_class = t.oid",
    "no exclusion constraints": """
        select k.conname::text from ledger_table t join pg_constraint k on k.conrelid = t.oid
          where k.contype = 'x'""",
    "no unlogged tables": "select name from ledger_table where relpersistence <> 'p'",
    "no sequences, identity columns, views or materialised views": """
        select c.oid::regclass::text from pg_class c
          where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('S', 'v', 'm', 'f')""",
    "no column filled by the server's own counting or clock": """
        select t.name || '.' || a.attname from ledger_table t join pg_attrdef d on d.adrelid = t.oid
          join pg_attribute a on a.attrelid = t.oid and a.attnum = d.adnum
          where pg_get_expr(d.adbin, d.adrelid) ~ 'nextval|now|clock|random|uuid'""",
    "no function notifies": """
        select p.oid::regprocedure::text from pg_proc p
          where p.pronamespace = 'ledger'::regnamespace and p.prosrc ~* '\\mnotify\\M|pg_notify'""",
}
FAULTS = {
    "every table has a bucket, int and not null": [
        """
        create table ledger.bad (bucket bigint not null, x int, primary key (bucket, x))""",
        "create table ledger.bad (bucket int, x int primary key)",
    ],
    "every table has a primary key": [
        "create table ledger.bad (bucket int not null)",
    ],
    "the bucket is the first column of every key": [
        """
        create unique index bad on ledger.posting (transaction_id)""",
        "create unique index bad on ledger.posting (transaction_id, bucket)",
    ],
    "no foreign key leaves the bucket": [
        """
        alter table ledger.reversal
          add constraint bad foreign key (bucket) references registry.partner (id)""",
        """
        create table ledger.bad (bucket int not null, id int not null unique,
          other int references ledger.bad (id), primary key (bucket, id))""",
        """
        create table ledger.bad (bucket int not null, id int not null, its_bucket int not null,
          primary key (bucket, id), foreign key (its_bucket, bucket) references ledger.bad (bucket, id))""",
    ],
    "nothing outside refers into the ledger": [
        """
        create table registry.bad
          (b int, a bigint, foreign key (b, a) references ledger.account (bucket, id))""",
    ],
    "no triggers": [
        """
        create trigger bad before insert on ledger.posting
          for each statement execute function registry.take_change_lock()""",
    ],
    "no rules": [
        "create rule bad as on insert to ledger.rollup do nothing",
    ],
    "no exclusion constraints": [
        """
        alter table ledger.reversal add constraint bad exclude using btree (bucket with =)""",
    ],
    "no unlogged tables": [
        "alter table ledger.rollup set unlogged",
    ],
    "no sequences, identity columns, views or materialised views": [
        """
        create materialized view ledger.bad as select 1""",
        "alter table ledger.rollup add bad bigint generated always as identity",
    ],
    "no column filled by the server's own counting or clock": [
        """
        alter table ledger.account add bad timestamptz default clock_timestamp()""",
    ],
    "no function notifies": [
        """
        create function ledger.bad() returns void language sql as $$ select pg_notify('registry', '') $$""",
    ],
}


async def broken(connection: Connection, rule: str) -> list[str]:
    return [row[0] for row in await connection.fetch(TABLES + RULES[rule])]


async def test_the_schema_keeps_every_rule(owner: Database) -> None:
    """The migrated schema breaks none of the rules."""
    for rule in RULES:
        assert await owner.run(lambda connection, rule=rule: broken(connection, rule)) == [], rule


@pytest.mark.parametrize("rule", RULES)
async def test_each_rule_catches_its_planted_faults(owner: Database, rule: str) -> None:
    """A rule that cannot fail proves nothing: each catches every fault planted for it."""

    async def job(connection: Connection, fault: str) -> list[str]:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(fault)
            return await broken(connection, rule)
        finally:
            await transaction.rollback()

    for fault in FAULTS[rule]:
        assert await owner.run(lambda connection, fault=fault: job(connection, fault)), fault
