"""Owns what the registry does in a rotation of the master key: it says which key wraps, has terminals' keys
wrapped anew in small transactions, and says when none is under an older key.

Each batch is done again without harm; where a run ended needs no note, for each key says what it is under.
Takes the owner's connection. Must not know the key file, nor the vault (`ops.office.master_key` joins them).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ledger.errors import RegistryRefused, SecretsError, StatementRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.secrets import MasterKey

_STATE: Final = "select wrapping, wrapping_least from registry.installation"
_MAY: Final = "select only_row from registry.installation for update"
_BEGIN: Final = "update registry.installation set master_key_check = $1, wrapping = $2 where wrapping <> $2"
_RETIRE: Final = (
    "update registry.installation set wrapping_least = $1 where wrapping = $1 and wrapping_least < $1"
)
_COUNT: Final = """select registry.wrapping_of(wrapped) as number, count(*) as keys
  from registry.terminal_key group by 1"""
_BATCH: Final = """select terminal, generation, wrapped from registry.terminal_key
  where (terminal, generation) > ($1, $2) order by terminal, generation limit $3"""
_REWRAP: Final = """update registry.terminal_key k set wrapped = n.wrapped
  from unnest($1::int[], $2::smallint[], $3::bytea[]) as n(terminal, generation, wrapped)
  where k.terminal = n.terminal and k.generation = n.generation"""

Place = tuple[int, int]
BEGINNING: Final[Place] = (0, 0)


class Batch(NamedTuple):
    """Up to where it came (None: to the end), how many keys were wrapped anew, and which do not open."""

    place: Place | None
    done: int
    damaged: list[Place]


class Wrapping(NamedTuple):
    """The key that wraps, the oldest that is not destroyed, and how many terminals' keys are under each."""

    number: int
    least: int
    keys: dict[int, int]


async def check_may_rotate(connection: Connection) -> None:
    """Raise DatabaseMisconfigured for a role that may not: it is the owner's."""
    await connection.fetchval(_MAY)


async def read_wrapping(connection: Connection) -> Wrapping:
    """Return how far a rotation is. Raises SecretsError before `cityswitch init`."""
    row = await connection.fetchrow(_STATE)
    if row is None:
        raise SecretsError("the database has no master key yet: run `cityswitch init`")
    counts = {one["number"]: one["keys"] for one in await connection.fetch(_COUNT)}
    return Wrapping(row["wrapping"], row["wrapping_least"], counts)


async def begin_rewrap(connection: Connection, actor: Actor, master: MasterKey) -> None:
    """Let the key that wraps be the one by which this database is known; the former stays good."""
    async with writing(connection, actor):
        await connection.execute(_BEGIN, master.check_value, master.ring.wraps)


async def rewrap_batch(
    connection: Connection, actor: Actor, master: MasterKey, after: Place, limit: int
) -> Batch:
    """Wrap the next keys anew, so many are looked at, in one transaction; those that do not open stay."""
    damaged: list[Place] = []
    anew: list[tuple[int, int, bytes]] = []
    async with writing(connection, actor):
        rows = await connection.fetch(_BATCH, *after, limit)
        for terminal, generation, wrapped in rows:
            if master.is_newest(wrapped):
                continue
            try:
                key = master.unwrap(terminal, generation, wrapped)
            except SecretsError:
                damaged.append((terminal, generation))
                continue
            anew.append((terminal, generation, master.wrap(terminal, generation, key)))
        if anew:
            await connection.execute(_REWRAP, *map(list, zip(*anew, strict=True)))
    place = (rows[-1][0], rows[-1][1]) if len(rows) == limit else None
    return Batch(place, len(anew), damaged)


async def retire_older(connection: Connection, actor: Actor, master: MasterKey) -> None:
    """Let nothing be under an older key from now on. Raises RegistryRefused while a terminal's key is: the
    database looks again itself.
    """
    try:
        async with writing(connection, actor):
            await connection.execute(_RETIRE, master.ring.wraps)
    except StatementRefused as error:
        raise RegistryRefused(str(error)) from None
