"""Owns the making of a sharded ledger: tables distributed by bucket, buckets spread evenly over the servers,
functions where they are called.

`settle` does all of it and skips what is done: after a first installation, a migration, a change of the
number of buckets, a move of shards. The registry stays at the coordinator, an ordinary Postgres for
everybody but the committer. Takes the owner's database. Knows nothing of postings.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from ledger.engine.shard_functions import Grant, build_functions
from ledger.engine.shards import HAS_CITUS, Server, Shards, at_server, is_sharded, read_shards
from ledger.errors import DatabaseMisconfigured, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.postgres.locks import LAYOUT

SETTLE_S_MAX: Final = 3_600.0
SHARDS_MIN: Final = 8
_FIRST: Final = "account"
_TABLES: Final = """
select c.relname::text from pg_class c
  where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p')
    and not exists (select from pg_dist_partition p where p.logicalrelid = c.oid) and not c.relispartition
  order by c.relname <> $1, c.relname"""
# Citus plans a statement for the values it is called with, and refuses to plan one for all.
_PLANNED_ONCE: Final = """
select p.oid::regprocedure::text from pg_proc p
  where p.pronamespace = 'ledger'::regnamespace
    and 'plan_cache_mode=force_generic_plan' = any (p.proconfig)"""
_NOT_SPREAD: Final = """
select p.oid::regprocedure::text from pg_proc p
  where p.pronamespace = 'ledger'::regnamespace and p.prokind = 'f'
    and not exists (select from pg_dist_object o where o.classid = 'pg_proc'::regclass and o.objid = p.oid)"""
_COLUMN_RIGHTS: Final = """
select c.relname::text, quote_ident(pg_get_userbyid(x.grantee)), x.privilege_type,
    string_agg(quote_ident(a.attname), ', ' order by a.attnum)
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
  cross join lateral aclexplode(a.attacl) x
  where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p')
  group by 1, 2, 3 order by 1, 2, 3"""
_SERVERS: Final = """
select nodename, nodeport from pg_dist_node
  where noderole = 'primary' and isactive and shouldhaveshards and groupid > 0 order by nodename, nodeport"""
_MOVE: Final = "select citus_move_shard_placement($1, $2, $3, $4, $5, 'block_writes')"
_OLD_SCHEMAS: Final = """
select nspname::text from pg_namespace where nspname ~ '^ledger_[0-9]+_[0-9]+$'
    and nspname <> all ($1::text[])"""
_HOLDERS: Final = f"""
select count(*) from pg_locks where locktype = 'advisory' and granted
  and classid = {LAYOUT.space} and objid = {LAYOUT.number} and objsubid = 2
  and database = (select oid from pg_database where datname = current_database())"""  # noqa: S608 fixed numbers
_NO_CITUS: Final = (
    "this database has no Citus: `create extension citus` in it and in the workers' databases of this name, "
    "then `citus_set_coordinator_host` and `citus_add_node` for each worker"
)
_IS_KNOWN: Final = """
select exists (select from pg_dist_object where classid = 'pg_namespace'::regclass
    and objid = 'ledger'::regnamespace)"""
_NOT_KNOWN: Final = (
    "the books were made before Citus was in their database, and it does not know what they rest on: drop the"
    " extension, dump the books, restore them into a database that has it, and only then add the workers"
)
_NO_WORKERS: Final = "no server is there for shards: `select citus_add_node(…)` for each worker"
_NO_COORDINATOR: Final = "this is a worker of Citus: name the coordinator in the DSN"


class Settled(NamedTuple):
    """What there is: the servers that have buckets, with how many each; and how many tables, shards and
    schemas of functions were distributed, moved and made now.
    """

    servers: dict[str, int]
    distributed: int
    moved: int
    made: int


async def settle(database: Database, *, may_move: bool = True) -> Settled:
    """Make the ledger one over the servers that the coordinator knows; with `may_move` shards are moved to
    where buckets are few. Raises DatabaseMisconfigured.
    """
    distributed = await database.run(_distribute, timeout_s=SETTLE_S_MAX)
    shards, servers = await database.run(read_shards), await database.run(_servers)
    moves = plan_moves(shards, servers) if may_move else []
    for shard, source, goal in moves:
        await database.run(partial(_move, shard=shard, source=source, goal=goal), timeout_s=SETTLE_S_MAX)
    shards, grants = await database.run(read_shards), await database.run(_grants)
    made = sum([await _build(database, server, shards, grants) for server in servers])
    counts = {str(server): sum(shard.server == server for shard in shards) for server in servers}
    return Settled(counts, distributed, len(moves), made)


async def resettle(database: Database) -> Settled | None:
    """Settle a ledger that is sharded, its shards where they are; None: it lies on one Postgres."""
    return await settle(database, may_move=False) if await database.run(is_sharded) else None


async def may_be_spread(connection: Connection) -> bool:
    """Whether servers for shards are there, and the books lie on none of them yet."""
    if not await connection.fetchval(HAS_CITUS) or await is_sharded(connection):
        return False
    return bool(await _servers(connection))


async def refuse_running(database: Database) -> None:
    """Raise RegistryRefused while a switch posts at any server."""
    for server in await database.run(_servers):
        if await _at(database, server, lambda connection: connection.fetchval(_HOLDERS)):
            raise RegistryRefused("a switch runs on this ledger: stop it first, all its workers")


async def _move(connection: Connection, shard: int, source: Server, goal: Server) -> None:
    await connection.execute(_MOVE, shard, *source, *goal)


async def _servers(connection: Connection) -> list[Server]:
    return [Server(*row) for row in await connection.fetch(_SERVERS)]


async def _distribute(connection: Connection) -> int:
    """Distribute the tables that are not yet; see that every function is at every server."""
    if not await connection.fetchval(HAS_CITUS):
        raise DatabaseMisconfigured(_NO_CITUS)
    if await connection.fetchval("select groupid from pg_dist_local_group") != 0:
        raise DatabaseMisconfigured(_NO_COORDINATOR)
    servers = await _servers(connection)
    if not servers:
        raise DatabaseMisconfigured(_NO_WORKERS)
    if not await connection.fetchval(_IS_KNOWN):
        raise DatabaseMisconfigured(_NOT_KNOWN)
    async with connection.transaction():
        await connection.execute("set local citus.multi_shard_modify_mode = 'sequential'")
        tables = [row[0] for row in await connection.fetch(_TABLES, _FIRST)]
        for table in tables:
            name = f"ledger.{table}"
            if table == _FIRST:
                count = await _shard_count(connection, len(servers))
                await connection.execute(
                    "select create_distributed_table($1::text, 'bucket', shard_count := $2)", name, count
                )
            else:
                await connection.execute(
                    "select create_distributed_table($1::text, 'bucket', colocate_with := $2)",
                    name,
                    f"ledger.{_FIRST}",
                )
        for (function,) in await connection.fetch(_PLANNED_ONCE):
            await connection.execute(f"alter function {function} reset plan_cache_mode")
        for (function,) in await connection.fetch(_NOT_SPREAD):
            await connection.execute("select create_distributed_function($1::text::regprocedure)", function)
    return len(tables)


async def _shard_count(connection: Connection, servers: int) -> int:
    """The smallest number of shards over which the buckets can be spread evenly."""
    hashes = await connection.fetchval(
        "select array_agg(worker_hash(b) order by b)"
        " from generate_series(0, (select buckets from registry.layout) - 1) b"
    )
    least = max(SHARDS_MIN, servers, len(hashes))
    return next((n for n in range(least, 4 * least) if _is_even(hashes, n, servers)), 4 * least)


def _is_even(hashes: Sequence[int], shards: int, servers: int) -> bool:
    """Whether buckets of these hashes, in so many shards of equal ranges, can be shared out evenly."""
    width = (1 << 32) // shards
    loads = share_out(_count(min((value + (1 << 31)) // width, shards - 1) for value in hashes), servers)
    return max(loads.values()) - min(loads.values()) <= (len(hashes) % servers > 0)


def _count(shards: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for shard in shards:
        found[shard] = found.get(shard, 0) + 1
    return found


def share_out(buckets: Mapping[int, int], servers: int) -> dict[int, int]:
    """How many buckets each server gets where each shard has so many, the fullest shards first."""
    loads = dict.fromkeys(range(servers), 0)
    for shard in sorted(buckets, key=lambda shard: (-buckets[shard], shard)):
        loads[min(loads, key=lambda server: (loads[server], server))] += buckets[shard]
    return loads


def plan_moves(shards: Shards, servers: Sequence[Server]) -> list[tuple[int, Server, Server]]:
    """Which shards to move, from where to where, so that buckets are spread evenly; each stays if it can."""
    counts = _count(shard.number for shard in shards)
    server_of = {shard.number: shard.server for shard in shards}
    loads = dict.fromkeys(servers, 0)
    moves = []
    for shard in sorted(counts, key=lambda shard: (-counts[shard], shard)):
        here = server_of[shard]
        least = min(loads.values())
        goal = here if loads.get(here) == least else min(loads, key=lambda s: (loads[s], s))
        loads[goal] += counts[shard]
        if goal != here:
            moves.append((shard, here, goal))
    return moves


async def _grants(connection: Connection) -> list[Grant]:
    return [Grant(*row) for row in await connection.fetch(_COLUMN_RIGHTS)]


async def _build(database: Database, server: Server, shards: Shards, grants: Sequence[Grant]) -> int:
    """Make the functions of a server's shards, and take away those of shards that it has no more."""

    async def job(connection: Connection) -> int:
        own = {shard.schema: shard for shard in shards if shard.server == server}
        async with connection.transaction():
            await connection.execute("set local citus.enable_ddl_propagation = off")
            for (schema,) in await connection.fetch(_OLD_SCHEMAS, list(own)):
                await connection.execute(f"drop schema {schema} cascade")
            for grant in grants:
                await connection.execute(grant.on(grant.table))
            made = [
                await build_functions(connection, shard.schema, shard.number, shard.tables, grants)
                for shard in own.values()
            ]
        return sum(made)

    found: int = await _at(database, server, job)
    return found


async def _at(database: Database, server: Server, job: Any) -> Any:
    session = database.session(at_server(database.target, server))
    try:
        return await session.run(job, timeout_s=SETTLE_S_MAX)
    finally:
        session.terminate()
