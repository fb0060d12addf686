"""Owns the writes of the registry: what an operator does to programmes, partners and terminals.

Cards have their own module (`ledger.registry.cards`), and their functions are re-exported here. Every
function takes the owner's connection, checks its bounds, and raises RegistryRefused with one line that
says what is wrong. Key material comes in already wrapped. Knows nothing of the master key's file, of the
switch or of its caches: a change reaches them through the change feed.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.cards import (
    CardRow,
    Import,
    Refusal,
    find_card,
    import_cards,
    list_cards,
    replace_card,
    set_card_status,
)
from ledger.registry.reads import Status
from ledger.registry.secrets import MasterKey

__all__ = [
    "CardRow",
    "Import",
    "NewPartner",
    "NewTerminal",
    "Refusal",
    "add_programme",
    "add_rules",
    "find_card",
    "import_cards",
    "import_partners",
    "import_terminals",
    "issue_key",
    "issue_keys",
    "list_cards",
    "list_keys",
    "list_partners",
    "list_programmes",
    "list_rules",
    "list_terminals",
    "replace_card",
    "set_card_status",
    "set_partner_status",
    "set_programme_status",
    "set_terminal_status",
]

NAME_CHARACTERS_MAX: Final = 64
ID_MAX: Final = 99_999_999
RULES_CHARACTERS_MAX: Final = 65_536
KEY_OVERLAP_DAYS: Final = 14
KEY_GENERATIONS_LIVE_MAX: Final = 2
PAGE_ROWS_MAX: Final = 1000


class NewPartner(NamedTuple):
    """A partner to add; points_step_grosze None: the programme's."""

    id: int
    name: str
    main_partner: bool = False
    points_step_grosze: int | None = None


class NewTerminal(NamedTuple):
    """A terminal to add."""

    id: int
    partner: int
    label: str = ""


def _check_name(what: str, name: str) -> None:
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or not name.isprintable():
        raise RegistryRefused(f"the name of {what} must have 1 to {NAME_CHARACTERS_MAX} printable characters")


def _check_page(limit: int) -> None:
    if not 1 <= limit <= PAGE_ROWS_MAX:
        raise RegistryRefused(f"a page has 1 to {PAGE_ROWS_MAX} rows")


async def add_programme(connection: Connection, *, programme: int, code: str, name: str) -> None:
    """Add a programme: number 1..9999, code of up to 32 small letters, digits and underscores."""
    _check_name(f"programme {code!r}", name)
    if not 1 <= programme <= 9999 or not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", code):
        raise RegistryRefused("a programme has a number 1 to 9999 and a code like czestochowa")
    added = await connection.fetchval(
        "insert into registry.programme (id, code, name) values ($1, $2, $3) "
        "on conflict do nothing returning id",
        programme,
        code,
        name,
    )
    if added is None:
        raise RegistryRefused(f"programme {programme} or its code {code!r} is there already")


async def add_rules(
    connection: Connection, *, programme: int, effective_from: datetime, rules_toml: str
) -> int:
    """Add the next version of a programme's rules and return its number. The text is the caller's to
    check.
    """
    if not 1 <= len(rules_toml) <= RULES_CHARACTERS_MAX:
        raise RegistryRefused(f"rules have 1 to {RULES_CHARACTERS_MAX} characters")
    if effective_from.tzinfo is None:
        raise RegistryRefused("the moment from which rules hold needs a time zone")
    async with connection.transaction():
        await _lock_programme(connection, programme)
        version: int = await connection.fetchval(
            "insert into registry.programme_version (programme, version, effective_from, rules_toml) "
            "select $1::smallint, coalesce(max(version), 0) + 1, $2, $3 "
            "from registry.programme_version where programme = $1 returning version",
            programme,
            effective_from.astimezone(UTC),
            rules_toml,
        )
        return version


async def _lock_programme(connection: Connection, programme: int) -> None:
    if not await connection.fetchval(
        "select true from registry.programme where id = $1 for no key update", programme
    ):
        raise NotInRegistry(f"there is no programme {programme}")


async def set_programme_status(connection: Connection, programme: int, status: Status) -> None:
    """Suspend a programme, or take it up again."""
    await _set_status(connection, "programme", programme, status)


async def set_partner_status(connection: Connection, partner: int, status: Status) -> None:
    """Suspend a partner, or take it up again."""
    await _set_status(connection, "partner", partner, status)


async def set_terminal_status(connection: Connection, terminal: int, status: Status) -> None:
    """Block a terminal, or take it up again."""
    await _set_status(connection, "terminal", terminal, status)


async def _set_status(connection: Connection, table: str, number: int, status: Status) -> None:
    done = await connection.fetchval(
        f"update registry.{table} set status = $2 where id = $1 returning id",  # noqa: S608 a fixed name
        number,
        int(status),
    )
    if done is None:
        raise NotInRegistry(f"there is no {table} {number}")


async def import_partners(connection: Connection, programme: int, partners: Iterable[NewPartner]) -> Import:
    """Add partners of one programme; those out of bounds or there already are reported, the rest is added."""
    good: list[NewPartner] = []
    refused: list[Refusal] = []
    for partner in partners:
        why = _partner_fault(partner)
        if why:
            refused.append(Refusal(partner.id, why))
        else:
            good.append(partner)
    async with connection.transaction():
        await _lock_programme(connection, programme)
        rows = await connection.fetch(
            "insert into registry.partner (id, programme, name, main_partner, points_step_grosze) "
            "select r.id, $1, r.name, r.main_partner, r.step "
            "from unnest($2::int[], $3::text[], $4::boolean[], $5::int[]) as r(id, name, main_partner, step) "
            "on conflict do nothing returning id",
            programme,
            [partner.id for partner in good],
            [partner.name for partner in good],
            [partner.main_partner for partner in good],
            [partner.points_step_grosze for partner in good],
        )
    return _report(rows, [partner.id for partner in good], refused)


def _partner_fault(partner: NewPartner) -> str:
    if not 1 <= partner.id <= ID_MAX:
        return f"the number must be 1 to {ID_MAX}"
    if not 1 <= len(partner.name) <= NAME_CHARACTERS_MAX or not partner.name.isprintable():
        return f"the name must have 1 to {NAME_CHARACTERS_MAX} printable characters"
    if partner.points_step_grosze is not None and not 1 <= partner.points_step_grosze <= 100_000_000:
        return "the step must be 1 to 100000000 grosze"
    return ""


async def import_terminals(connection: Connection, terminals: Iterable[NewTerminal]) -> Import:
    """Add terminals; those out of bounds, of an unknown partner or there already are reported, the rest
    is added.
    """
    good: list[NewTerminal] = []
    refused: list[Refusal] = []
    for terminal in terminals:
        if not 1 <= terminal.id <= ID_MAX:
            refused.append(Refusal(terminal.id, f"the number must be 1 to {ID_MAX}"))
        elif len(terminal.label) > NAME_CHARACTERS_MAX:
            refused.append(
                Refusal(terminal.id, f"the label must have at most {NAME_CHARACTERS_MAX} characters")
            )
        else:
            good.append(terminal)
    async with connection.transaction():
        known = await connection.fetch(
            "select id from registry.partner where id = any($1::int[])",
            [terminal.partner for terminal in good],
        )
        partners = {row["id"] for row in known}
        refused += [
            Refusal(t.id, f"there is no partner {t.partner}") for t in good if t.partner not in partners
        ]
        good = [terminal for terminal in good if terminal.partner in partners]
        rows = await connection.fetch(
            "insert into registry.terminal (id, partner, label) "
            "select * from unnest($1::int[], $2::int[], $3::text[]) on conflict do nothing returning id",
            [terminal.id for terminal in good],
            [terminal.partner for terminal in good],
            [terminal.label for terminal in good],
        )
    return _report(rows, [terminal.id for terminal in good], refused)


def _report(rows: Sequence[Any], asked: Sequence[int], refused: list[Refusal]) -> Import:
    added = {row["id"] for row in rows}
    refused += [Refusal(number, "it is there already") for number in asked if number not in added]
    return Import(len(added), refused)


async def issue_key(connection: Connection, master: MasterKey, terminal: int, key: bytes) -> int:
    """Give a terminal the next generation of its key (32 bytes) and return its number.

    The generation before it stays good for 14 days; older ones are retired at once, so that at most two live
    (design, "The wire"). Raises RegistryRefused if there is no such terminal.
    """
    generations = await issue_keys(connection, master, {terminal: key})
    return generations[terminal]


async def issue_keys(connection: Connection, master: MasterKey, keys: dict[int, bytes]) -> dict[int, int]:
    """`issue_key` for many terminals in one transaction, all or none; returns the generation of each."""
    terminals = sorted(keys)
    async with connection.transaction():
        rows = await connection.fetch(
            "select t.id, (select coalesce(max(k.generation), 0) from registry.terminal_key k "
            "where k.terminal = t.id) + 1 as generation "
            "from registry.terminal t where t.id = any($1::int[]) order by t.id for no key update of t",
            terminals,
        )
        generations: dict[int, int] = {row["id"]: row["generation"] for row in rows}
        missing = [terminal for terminal in terminals if terminal not in generations]
        if missing:
            raise NotInRegistry(f"there is no terminal {missing[0]}")
        await connection.execute(
            "update registry.terminal_key k set "
            "retired_at = case when k.generation <= n.generation - $3 then now() else k.retired_at end, "
            "not_after = case when k.generation = n.generation - 1 "
            "then least(k.not_after, now() + make_interval(days => $4)) else k.not_after end "
            "from unnest($1::int[], $2::int[]) as n(terminal, generation) "
            "where k.terminal = n.terminal and k.retired_at is null",
            terminals,
            [generations[terminal] for terminal in terminals],
            KEY_GENERATIONS_LIVE_MAX,
            KEY_OVERLAP_DAYS,
        )
        await connection.execute(
            "insert into registry.terminal_key (terminal, generation, wrapped) "
            "select * from unnest($1::int[], $2::smallint[], $3::bytea[])",
            terminals,
            [generations[terminal] for terminal in terminals],
            [master.wrap(terminal, generations[terminal], keys[terminal]) for terminal in terminals],
        )
    return generations


async def list_programmes(connection: Connection) -> list[Any]:
    """All programmes: id, code, name, status."""
    rows: list[Any] = await connection.fetch(
        "select id, code, name, status from registry.programme order by id"
    )
    return rows


async def list_rules(connection: Connection, programme: int) -> list[Any]:
    """All versions of a programme's rules, newest first: version, effective_from, rules_toml."""
    rows: list[Any] = await connection.fetch(
        "select version, effective_from, rules_toml from registry.programme_version "
        "where programme = $1 order by version desc",
        programme,
    )
    return rows


async def list_partners(connection: Connection, *, after: int = 0, limit: int = 100) -> list[Any]:
    """A page of partners with a number above `after`, in order of number."""
    _check_page(limit)
    rows: list[Any] = await connection.fetch(
        "select id, programme, name, status, main_partner, points_step_grosze from registry.partner "
        "where id > $1 order by id limit $2",
        after,
        limit,
    )
    return rows


async def list_terminals(
    connection: Connection, *, after: int = 0, limit: int = 100, partner: int | None = None
) -> list[Any]:
    """A page of terminals with a number above `after`, of one partner or of all, in order of number."""
    _check_page(limit)
    rows: list[Any] = await connection.fetch(
        "select id, partner, status, label from registry.terminal "
        "where id > $1 and ($3::int is null or partner = $3) order by id limit $2",
        after,
        limit,
        partner,
    )
    return rows


async def list_keys(connection: Connection, terminal: int) -> list[Any]:
    """The key generations of a terminal, newest first, without the keys."""
    rows: list[Any] = await connection.fetch(
        "select generation, issued_at, not_after, retired_at from registry.terminal_key "
        "where terminal = $1 order by generation desc",
        terminal,
    )
    return rows
