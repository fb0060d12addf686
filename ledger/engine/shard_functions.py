"""Owns the copies of the ledger's functions that work on one shard's own tables, at the server that has it.

By Citus' planner each statement of a function is planned anew for each batch, with all its arrays, and a
batch of 60 postings takes a multiple of what it takes on one Postgres (ARCHITECTURE.md, "A batch goes past
Citus' planner"). At the server that owns a bucket its tables are ordinary ones (`ledger.journal_102008`); so
each shard has a schema with the same functions over the names of its own tables, made of what the migrations
made and nothing else. They write past Citus, so they begin as Citus does: they share its lock of the shard,
which a move of the shard takes for itself, and then look whether the shard is still here. The schema's name
has the number of buckets: a switch that knows another number finds no functions. Opens nothing.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.postgres.embedded import SERVICE

MOVED: Final = "CS002"
"""The state of the error that a shard is not here any more."""
_MENTIONED: Final = r"\b(from|join|into|update)(\s+)ledger\.({tables})\b"
_FUNCTIONS: Final = """
select p.proname::text as name, pg_get_functiondef(p.oid) as text from pg_proc p
  where p.pronamespace = 'ledger'::regnamespace and p.prokind = 'f' and not p.prosecdef
  order by p.proname, p.oid"""
_FINGERPRINT: Final = "select obj_description(to_regnamespace($1::text), 'pg_namespace')"
_TOP: Final = ("post_batch_v", "claim_v")
_FIRST: Final = ("refuse_closed_v", "claim_v", "homes_v")
"""What a batch calls first of all, in its own bucket and in those of its ids."""
_LOOKUPS: Final = "\n SET enable_seqscan TO 'off'"
_PLANNED_ONCE: Final = f"\n SET plan_cache_mode TO 'force_generic_plan'{_LOOKUPS}"
_HOLD: Final = """
create function {schema}.hold_v1() returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform lock_shard_metadata(5, array[{shard}]);
  if not exists (select from pg_dist_placement p
      where p.shardid = {shard} and p.groupid = (select g.groupid from pg_dist_local_group g)) then
    raise exception 'shard {shard} has moved' using errcode = '{moved}';
  end if;
end
$$"""
_OPEN: Final = """
set local citus.enable_ddl_propagation = off;
set local check_function_bodies = off;
drop schema if exists {schema} cascade;
create schema {schema};
grant usage on schema {schema} to {service}"""


class Grant(NamedTuple):
    """A right on columns of a table of the ledger, which Citus gives neither at servers nor on shards."""

    table: str
    role: str
    right: str
    columns: str

    def on(self, table: str) -> str:
        """The statement that gives it on a table of the schema."""
        return f"grant {self.right} ({self.columns}) on ledger.{table} to {self.role}"


def on_shard(sql: str, tables: Mapping[str, str]) -> str:
    """A statement over the ledger's tables as one over a shard's: `tables` has the shard's name of each."""
    mentioned = re.compile(_MENTIONED.format(tables="|".join(tables)), re.IGNORECASE)
    return mentioned.sub(lambda found: f"{found[1]}{found[2]}ledger.{tables[found[3]]}", sql)


def _in_schema(name: str, text: str, schema: str, tables: Mapping[str, str], functions: Iterable[str]) -> str:
    """One function's text as it is in a shard's schema."""
    called = re.compile(rf"\bledger\.({'|'.join(sorted(functions, key=len, reverse=True))})(?=\s*\()")
    text = called.sub(rf"{schema}.\1", on_shard(text, tables))
    text = text.replace(_LOOKUPS, _PLANNED_ONCE, 1)  # what `citus` had to take away
    if name.startswith(_FIRST):
        text = re.sub(r"^begin$", f"begin\n  perform {schema}.hold_v1();", text, count=1, flags=re.MULTILINE)
    if name.startswith(_TOP):
        text = text.replace("\nAS $", "\n SET \"citus.enable_manual_changes_to_shards\" TO 'on'\nAS $", 1)
    return text


async def build_functions(
    connection: Connection, schema: str, shard: int, tables: Mapping[str, str], grants: Iterable[Grant]
) -> bool:
    """Inside a transaction, as the owner, at the server that has the shard: make its schema, and the rights
    on its tables, unless it is there as it would be made; return whether it was made.
    """
    found = await connection.fetch(_FUNCTIONS)
    names = {row["name"] for row in found}
    made = [_HOLD.format(schema=schema, shard=shard, moved=MOVED)]
    made += [grant.on(tables[grant.table]) for grant in grants]
    made += [_in_schema(row["name"], row["text"], schema, tables, names) for row in found]
    fingerprint = hashlib.sha256("\0".join(made).encode()).hexdigest()
    if await connection.fetchval(_FINGERPRINT, schema) == fingerprint:
        return False
    await connection.execute(_OPEN.format(schema=schema, service=SERVICE))
    for text in made:
        await connection.execute(text)
    await connection.execute(f"comment on schema {schema} is '{fingerprint}'")
    return True
