"""Owns where each bucket lies: on which server, in which shard, and how it is reached.

What the coordinator says of it (`pg_dist_*`) is read whole, and anew where a server refuses, for shards are
moved while the switch runs. Servers are reached directly, by the DSN of the coordinator with another host and
port. Knows nothing of postings.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, urlencode

import msgspec

from ledger.engine.shard_functions import on_shard
from ledger.postgres.database import Connection
from ledger.postgres.dsn import Target

HAS_CITUS: Final = "select to_regclass('pg_catalog.pg_dist_partition') is not null"
_IS_DISTRIBUTED: Final = (
    "select exists (select from pg_dist_partition where logicalrelid = 'ledger.account'::regclass)"
)
_PLACES: Final = """
select b.bucket, a.shardid, n.nodename, n.nodeport,
    (select json_object_agg(c.relname, o.shardid) from pg_dist_shard o
       join pg_class c on c.oid = o.logicalrelid and c.relnamespace = 'ledger'::regnamespace
       where o.shardminvalue = a.shardminvalue)::text as shards
  from generate_series(0, (select buckets from registry.layout) - 1) as b(bucket)
  cross join lateral get_shard_id_for_distribution_column('ledger.account', b.bucket) as s(shardid)
  join pg_dist_shard a on a.shardid = s.shardid
  join pg_dist_placement p on p.shardid = a.shardid
  join pg_dist_node n on n.groupid = p.groupid and n.noderole = 'primary'
  order by b.bucket"""
_CALLED: Final = re.compile(r"\bledger\.(?=\w+_v[0-9]+\()")
_shards: Final = msgspec.json.Decoder(dict[str, int]).decode


class Server(NamedTuple):
    """A server as the others know it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Shard(NamedTuple):
    """Where a bucket lies. `tables`: the name of each of the ledger's tables there; `schema`: of its
    functions.
    """

    server: Server
    number: int
    schema: str
    tables: Mapping[str, str]

    def here(self, sql: str) -> str:
        """A statement of the ledger as one for this shard, at its server."""
        return _CALLED.sub(f"{self.schema}.", on_shard(sql, self.tables))


Shards: TypeAlias = list[Shard]
"""By bucket."""


async def is_sharded(connection: Connection) -> bool:
    """Whether the ledger's tables are distributed over several servers."""
    return bool(await connection.fetchval(HAS_CITUS)) and bool(await connection.fetchval(_IS_DISTRIBUTED))


async def read_shards(connection: Connection) -> Shards:
    """Where each bucket lies now, asked of the coordinator; none where the books lie on one Postgres."""
    if not await is_sharded(connection):
        return []
    rows = await connection.fetch(_PLACES)
    return [
        Shard(
            Server(row["nodename"], row["nodeport"]),
            row["shardid"],
            f"ledger_{len(rows)}_{row['shardid']}",
            {table: f"{table}_{shard}" for table, shard in sorted(_shards(row["shards"]).items())},
        )
        for row in rows
    ]


def at_server(target: Target, server: Server) -> Target:
    """The target of the same database at another server, with the same user and secrets."""
    found = dict(parse_qsl(target.hosts[0].partition("?")[2], keep_blank_values=True))
    if found["host"].startswith("/") and found.get("sslmode") == "disable":
        found["sslmode"] = "prefer"
    host = f"[{server.host}]" if ":" in server.host else server.host
    made = "postgresql://?" + urlencode({**found, "host": host, "port": str(server.port)})
    return Target([made], target.connect_s)
