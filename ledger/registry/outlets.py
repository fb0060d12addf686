"""Owns the outlets: the shops of the partners. An operator's writes and views.

Takes the owner's connection. In which outlet a terminal stands is the terminal's
(`ledger.registry.terminals`).
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import (
    ID_MAX,
    NAME_CHARACTERS_MAX,
    check_page,
    first_fault,
    number_fault,
    text_fault,
)
from ledger.registry.imports import Import, Mode, plan, sort_out
from ledger.registry.partners import check_partner, refuse_without_partner

ADDRESS_CHARACTERS_MAX: Final = 128


class NewOutlet(NamedTuple):
    """An outlet to add."""

    id: int
    partner: int
    name: str
    address: str = ""


def _fault(outlet: NewOutlet) -> tuple[str, str] | None:
    return first_fault(
        {
            "id": number_fault(outlet.id, 1, ID_MAX),
            "partner": number_fault(outlet.partner, 1, ID_MAX),
            "name": text_fault(outlet.name, NAME_CHARACTERS_MAX),
            "address": text_fault(outlet.address, ADDRESS_CHARACTERS_MAX, least=0),
        }
    )


async def import_outlets(
    connection: Connection, actor: Actor, outlets: Iterable[NewOutlet], mode: Mode = Mode.WHOLE
) -> Import:
    """Add outlets in one transaction; those of an unknown partner are refused."""
    sound, refused = sort_out(outlets, lambda outlet: outlet.id, _fault)
    async with writing(connection, actor):
        await refuse_without_partner(connection, sound, refused)
        known = await connection.fetch(
            "select id, partner, name, address from registry.outlet where id = any($1::int[])", list(sound)
        )
        planned = plan(sound, known, "id", NewOutlet._asdict, refused)
        if not planned.is_to_be_written(mode):
            return planned.report(mode)
        new: list[NewOutlet] = list(planned.new.values())
        await connection.execute(
            "insert into registry.outlet (id, partner, name, address) "
            "select * from unnest($1::int[], $2::int[], $3::text[], $4::text[])",
            *(list(column) for column in zip(*new, strict=True)),
        )
    return planned.done()


async def list_outlets(
    connection: Connection, *, after: int = 0, limit: int = 100, partner: int | None = None
) -> list[Any]:
    """A page of outlets with a number above `after`, of one partner or of all, in order of number.

    Raises NotInRegistry for a partner who is not there.
    """
    check_page(limit, after)
    if partner is not None:
        await check_partner(connection, partner)
    rows: list[Any] = await connection.fetch(
        "select id, partner, name, address from registry.outlet "
        "where id > $1::bigint and ($3::bigint is null or partner = $3) order by id limit $2",
        after,
        limit,
        partner,
    )
    return rows
