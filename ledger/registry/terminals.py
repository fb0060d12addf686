"""Owns the terminals: an operator's writes and views; their keys are `ledger.registry.keys`'.

Takes the owner's connection. A change reaches the switch through the change feed.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ledger.errors import NotInRegistry
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import (
    ID_MAX,
    NAME_CHARACTERS_MAX,
    check_number,
    check_page,
    first_fault,
    number_fault,
    text_fault,
)
from ledger.registry.imports import Import, Mode, Refusal, plan, sort_out
from ledger.registry.partners import check_partner, refuse_without_partner
from ledger.registry.reads import Status


class NewTerminal(NamedTuple):
    """A terminal to add; outlet None: it stands in none."""

    id: int
    partner: int
    label: str = ""
    outlet: int | None = None


def _fault(terminal: NewTerminal) -> tuple[str, str] | None:
    return first_fault(
        {
            "id": number_fault(terminal.id, 1, ID_MAX),
            "partner": number_fault(terminal.partner, 1, ID_MAX),
            "outlet": "" if terminal.outlet is None else number_fault(terminal.outlet, 1, ID_MAX),
            "label": text_fault(terminal.label, NAME_CHARACTERS_MAX, least=0),
        }
    )


async def import_terminals(
    connection: Connection, actor: Actor, terminals: Iterable[NewTerminal], mode: Mode = Mode.WHOLE
) -> Import:
    """Add terminals in one transaction; those of an unknown partner or outlet are refused."""
    sound, refused = sort_out(terminals, lambda terminal: terminal.id, _fault)
    async with writing(connection, actor):
        await refuse_without_partner(connection, sound, refused)
        outlets = await _outlets(connection, list(sound.values()))
        for terminal in list(sound.values()):
            if terminal.outlet is not None and outlets.get(terminal.outlet) != terminal.partner:
                reason = Phrase(
                    "partner {partner} has no outlet {outlet}",
                    partner=terminal.partner,
                    outlet=terminal.outlet,
                )
                refused.append(Refusal(terminal.id, "outlet", reason))
                del sound[terminal.id]
        known = await connection.fetch(
            "select id, partner, label, outlet from registry.terminal where id = any($1::int[])", list(sound)
        )
        planned = plan(sound, known, "id", NewTerminal._asdict, refused)
        if not planned.is_to_be_written(mode):
            return planned.report(mode)
        new: list[NewTerminal] = list(planned.new.values())
        await connection.execute(
            "insert into registry.terminal (id, partner, label, outlet) "
            "select * from unnest($1::int[], $2::int[], $3::text[], $4::int[])",
            *(list(column) for column in zip(*new, strict=True)),
        )
    return planned.done()


async def _outlets(connection: Connection, terminals: Iterable[NewTerminal]) -> dict[int, int]:
    """Return outlet -> partner of the outlets that terminals name."""
    named = [terminal.outlet for terminal in terminals if terminal.outlet is not None]
    rows = await connection.fetch("select id, partner from registry.outlet where id = any($1::int[])", named)
    return {row["id"]: row["partner"] for row in rows}


async def move_terminal(connection: Connection, actor: Actor, terminal: int, outlet: int | None) -> None:
    """Say in which outlet of its partner a terminal stands; None: in none."""
    check_number("the number of a terminal", terminal, 1, ID_MAX)
    check_number("the number of an outlet", outlet or 1, 1, ID_MAX)
    async with writing(connection, actor):
        partner = await connection.fetchval("select partner from registry.terminal where id = $1", terminal)
        if partner is None:
            raise NotInRegistry("there is no terminal {terminal}", terminal=terminal)
        there = await connection.fetchval(
            "select true from registry.outlet where id = $1 and partner = $2", outlet, partner
        )
        if outlet is not None and not there:
            raise NotInRegistry("partner {partner} has no outlet {outlet}", partner=partner, outlet=outlet)
        await connection.execute("update registry.terminal set outlet = $2 where id = $1", terminal, outlet)


async def set_terminal_status(connection: Connection, actor: Actor, terminal: int, status: Status) -> None:
    """Block a terminal, or take it up again."""
    check_number("the number of a terminal", terminal, 1, ID_MAX)
    async with writing(connection, actor):
        if not await connection.fetchval(
            "update registry.terminal set status = $2 where id = $1 returning true", terminal, int(status)
        ):
            raise NotInRegistry("there is no terminal {terminal}", terminal=terminal)


async def check_terminal(connection: Connection, terminal: int) -> int:
    """Return the programme of a terminal. Raises NotInRegistry if there is no such terminal."""
    check_number("the number of a terminal", terminal, 1, ID_MAX)
    programme: int | None = await connection.fetchval(
        "select p.programme from registry.terminal t join registry.partner p on p.id = t.partner "
        "where t.id = $1",
        terminal,
    )
    if programme is None:
        raise NotInRegistry("there is no terminal {terminal}", terminal=terminal)
    return programme


async def list_terminals(
    connection: Connection, *, after: int = 0, limit: int = 100, partner: int | None = None
) -> list[Any]:
    """A page of terminals with a number above `after`, of one partner or of all, in order of number.

    Raises NotInRegistry for a partner who is not there.
    """
    check_page(limit, after)
    if partner is not None:
        await check_partner(connection, partner)
    rows: list[Any] = await connection.fetch(
        "select id, partner, status, label, outlet from registry.terminal "
        "where id > $1::bigint and ($3::bigint is null or partner = $3) order by id limit $2",
        after,
        limit,
        partner,
    )
    return rows
