"""Owns the keys of the terminals: issued by generation, noted at their first use, retired, revoked.

A terminal has at most two live generations: the one it is known to have, which is the newest ever used (the
newest issued, before any was used), and one newer, handed out and not used yet. Issuing again replaces the
latter and keeps the former: a key lost on its way to a terminal must not cost that terminal the key it works
with. The first use of a generation retires all older ones.

Key material comes in bare and rests wrapped; nothing here gives it back. Every write takes its actor.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import SWITCH, Actor, writing
from ledger.registry.bounds import ID_MAX, check_number
from ledger.registry.partners import check_partner
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import check_terminal

OVERLAP_DAYS: Final = 14
OVERLAP_DAYS_MAX: Final = 366
GENERATION_MAX: Final = 32_767

# Of each terminal the next generation, and the one to keep beside it (0: none).
_GENERATIONS: Final = """select t.id, coalesce(max(k.generation), 0) + 1 as next,
    coalesce(max(k.generation) filter (where k.live and k.used_at is not null),
             max(k.generation) filter (where k.live), 0) as kept
  from registry.terminal t
  left join (select terminal, generation, used_at,
               retired_at is null and coalesce(not_after > now(), true) as live
             from registry.terminal_key) k on k.terminal = t.id
  where t.id = any($1::int[]) group by t.id"""
_RETIRE: Final = """update registry.terminal_key k set
    retired_at = case when k.generation <> n.kept then now() end,
    not_after = case when k.generation <> n.kept then k.not_after else now() + make_interval(days => $3) end
  from unnest($1::int[], $2::int[]) as n(terminal, kept)
  where k.terminal = n.terminal and k.retired_at is null"""
_ISSUE: Final = """insert into registry.terminal_key (terminal, generation, wrapped)
  select * from unnest($1::int[], $2::smallint[], $3::bytea[])"""
NOTE_USE: Final = """update registry.terminal_key set
    used_at = case when generation = $2 then now() else used_at end,
    retired_at = case when generation < $2 then now() end
  where terminal = $1 and retired_at is null
    and (generation < $2 or (generation = $2 and used_at is null))"""

IS_LIVE: Final = """select retired_at is null and coalesce(not_after > now(), true)
  from registry.terminal_key where terminal = $1 and generation = $2"""

ANY_EXPIRED: Final = """select exists (
  select from registry.terminal_key where retired_at is null and not_after <= now())"""
RETIRE_EXPIRED: Final = """update registry.terminal_key set retired_at = now()
  where retired_at is null and not_after <= now()"""


async def issue_keys(
    connection: Connection,
    actor: Actor,
    master: MasterKey,
    keys: Mapping[int, bytes],
    *,
    overlap_days: int = OVERLAP_DAYS,
    expected: Mapping[int, int] | None = None,
) -> dict[int, int]:
    """Give each terminal the next generation of its key (32 bytes), all or none; return the generations.

    The generation a terminal works with stays good for `overlap_days` more, or until the new one is used.
    With `expected` generations it is refused where another key was issued since they were read.
    """
    check_number("the days of overlap", overlap_days, 0, OVERLAP_DAYS_MAX)
    terminals = sorted(keys)
    for terminal in terminals:
        check_number("the number of a terminal", terminal, 1, ID_MAX)
    async with writing(connection, actor):
        rows = {row["id"]: row for row in await connection.fetch(_GENERATIONS, terminals)}
        for terminal in terminals:
            if terminal not in rows:
                raise NotInRegistry(f"there is no terminal {terminal}")
            if rows[terminal]["next"] > GENERATION_MAX:
                raise RegistryRefused(
                    f"terminal {terminal} has had {GENERATION_MAX} keys: give it a new number"
                )
        generations: dict[int, int] = {terminal: rows[terminal]["next"] for terminal in terminals}
        if expected is not None and generations != expected:
            raise RegistryRefused("keys of these terminals were issued by somebody else just now: look again")
        kept = [rows[terminal]["kept"] for terminal in terminals]
        await connection.execute(_RETIRE, terminals, kept, overlap_days)
        await connection.execute(
            _ISSUE,
            terminals,
            [generations[terminal] for terminal in terminals],
            [master.wrap(terminal, generations[terminal], keys[terminal]) for terminal in terminals],
        )
    return generations


async def issue_key(
    connection: Connection, actor: Actor, master: MasterKey, terminal: int, key: bytes
) -> int:
    """`issue_keys` for one terminal; returns its generation."""
    return (await issue_keys(connection, actor, master, {terminal: key}))[terminal]


async def revoke_key(connection: Connection, actor: Actor, terminal: int, generation: int) -> None:
    """End a generation at once, used or not. A terminal whose last key this is cannot sign on any more."""
    check_number("the number of a terminal", terminal, 1, ID_MAX)
    check_number("the generation of a key", generation, 1, GENERATION_MAX)
    async with writing(connection, actor):
        row = await connection.fetchrow(
            "select coalesce(retired_at, case when not_after <= now() then not_after end) as ended_at "
            "from registry.terminal_key where terminal = $1 and generation = $2",
            terminal,
            generation,
        )
        if row is None:
            raise NotInRegistry(f"terminal {terminal} has no key of generation {generation}")
        if row["ended_at"] is not None:
            raise RegistryRefused(
                f"generation {generation} of terminal {terminal} ended already, at {row['ended_at']:%F %T}"
            )
        await connection.execute(
            "update registry.terminal_key set retired_at = now() where terminal = $1 and generation = $2",
            terminal,
            generation,
        )


async def note_use(connection: Connection, terminal: int, generation: int) -> bool:
    """Note that a terminal has signed on with a generation, and retire the older ones: it has this one.

    Returns False, and nothing has changed, if this generation has ended itself. The service's own write, as
    the actor "switch".
    """
    async with writing(connection, SWITCH):
        if not await is_live(connection, terminal, generation):
            return False
        await connection.execute(NOTE_USE, terminal, generation)
    return True


async def retire_expired_keys(connection: Connection) -> None:
    """Retire every key whose time is over, so that the sessions opened with it end, too.

    The service's own write, as the actor "switch"; nothing is written where no key has expired.
    """
    if await connection.fetchval(ANY_EXPIRED):
        async with writing(connection, SWITCH):
            await connection.execute(RETIRE_EXPIRED)


async def is_live(connection: Connection, terminal: int, generation: int) -> bool:
    """Return whether a generation may be used now."""
    return bool(await connection.fetchval(IS_LIVE, terminal, generation))


async def list_keys(connection: Connection, terminal: int) -> list[Any]:
    """The key generations of a terminal, newest first, without the keys. Raises NotInRegistry."""
    await check_terminal(connection, terminal)
    rows: list[Any] = await connection.fetch(
        "select generation, issued_at, used_at, not_after, retired_at from registry.terminal_key "
        "where terminal = $1 order by generation desc",
        terminal,
    )
    return rows


async def next_generations(
    connection: Connection, *, terminals: Iterable[int] | None = None, partner: int | None = None
) -> dict[int, int]:
    """The generation each terminal's next key will be (1: it never had one), by terminal.

    Of the terminals named, those of a partner, or all; a terminal that is not there is left out. Raises
    NotInRegistry for a partner who is not there.
    """
    wanted = None if terminals is None else list(terminals)
    for terminal in wanted or ():
        check_number("the number of a terminal", terminal, 1, ID_MAX)
    if partner is not None:
        await check_partner(connection, partner)
    rows = await connection.fetch(
        "select t.id, coalesce(max(k.generation), 0) + 1 as next "
        "from registry.terminal t left join registry.terminal_key k on k.terminal = t.id "
        "where ($1::int[] is null or t.id = any($1)) and ($2::int is null or t.partner = $2) "
        "group by t.id order by t.id",
        wanted,
        partner,
    )
    return {row["id"]: row["next"] for row in rows}


async def first_keys(connection: Connection, first: int, last: int) -> dict[int, bytes]:
    """The wrapped keys of generation 1 of the terminals numbered `first` to `last`, by terminal."""
    rows = await connection.fetch(
        "select terminal, wrapped from registry.terminal_key "
        "where generation = 1 and terminal between $1 and $2",
        first,
        last,
    )
    return {row["terminal"]: row["wrapped"] for row in rows}
