"""Owns the partners: an operator's writes and views. Takes the owner's connection.

A change reaches the switch through the change feed.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
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
from ledger.registry.programmes import check_programme
from ledger.registry.reads import Status

STEP_GROSZE_MAX: Final = 100_000_000


class NewPartner(NamedTuple):
    """A partner to add; points_step_grosze None: the programme's."""

    id: int
    name: str
    main_partner: bool = False
    points_step_grosze: int | None = None


def _fault(partner: NewPartner) -> tuple[str, str] | None:
    step = partner.points_step_grosze
    return first_fault(
        {
            "id": number_fault(partner.id, 1, ID_MAX),
            "name": text_fault(partner.name, NAME_CHARACTERS_MAX),
            "points_step": "" if step is None else number_fault(step, 1, STEP_GROSZE_MAX),
        }
    )


async def import_partners(
    connection: Connection,
    actor: Actor,
    programme: int,
    partners: Iterable[NewPartner],
    mode: Mode = Mode.WHOLE,
    *,
    main_max: int | None = None,
) -> Import:
    """Add partners of one programme in one transaction; it may have `main_max` Main Partners (None: any).

    Raises NotInRegistry if the programme is not there, RegistryRefused where there would be more of them.
    """
    sound, refused = sort_out(partners, lambda partner: partner.id, _fault)
    async with writing(connection, actor):
        await check_programme(connection, programme)
        known = await connection.fetch(
            "select id, programme, name, main_partner, points_step_grosze from registry.partner "
            "where id = any($1::int[])",
            list(sound),
        )
        planned = plan(sound, known, "id", lambda row: {"programme": programme, **row._asdict()}, refused)
        if not planned.is_to_be_written(mode):
            return planned.report(mode)
        new: list[NewPartner] = list(planned.new.values())
        await connection.execute(
            "insert into registry.partner (id, programme, name, main_partner, points_step_grosze) "
            "select r.id, $1, r.name, r.main_partner, r.step "
            "from unnest($2::int[], $3::text[], $4::boolean[], $5::int[]) as r(id, name, main_partner, step)",
            programme,
            [partner.id for partner in new],
            [partner.name for partner in new],
            [partner.main_partner for partner in new],
            [partner.points_step_grosze for partner in new],
        )
        if main_max is not None and any(partner.main_partner for partner in new):
            main = await connection.fetchval(
                "select count(*) from registry.partner where programme = $1 and main_partner", programme
            )
            if main > main_max:
                raise RegistryRefused(
                    "programme {programme} has at most {most} Main Partners, and this would be {main}",
                    programme=programme,
                    most=main_max,
                    main=main,
                )
    return planned.done()


async def set_partner_status(connection: Connection, actor: Actor, partner: int, status: Status) -> None:
    """Suspend a partner, or take it up again."""
    check_number("the number of a partner", partner, 1, ID_MAX)
    async with writing(connection, actor):
        if not await connection.fetchval(
            "update registry.partner set status = $2 where id = $1 returning true", partner, int(status)
        ):
            raise NotInRegistry("there is no partner {partner}", partner=partner)


async def check_partner(connection: Connection, partner: int) -> int:
    """Return the programme of a partner. Raises NotInRegistry if there is no such partner."""
    check_number("the number of a partner", partner, 1, ID_MAX)
    programme: int | None = await connection.fetchval(
        "select programme from registry.partner where id = $1", partner
    )
    if programme is None:
        raise NotInRegistry("there is no partner {partner}", partner=partner)
    return programme


async def list_partners(connection: Connection, *, after: int = 0, limit: int = 100) -> list[Any]:
    """A page of partners with a number above `after`, in order of number."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(
        "select id, programme, name, status, main_partner, points_step_grosze from registry.partner "
        "where id > $1::bigint order by id limit $2",
        after,
        limit,
    )
    return rows


async def refuse_without_partner(
    connection: Connection, sound: dict[int, Any], refused: list[Refusal]
) -> None:
    """Move the rows of partners that are not there from the sound ones to the refused."""
    rows = await connection.fetch(
        "select id from registry.partner where id = any($1::int[])", [row.partner for row in sound.values()]
    )
    known = {row["id"] for row in rows}
    for number, row in list(sound.items()):
        if row.partner not in known:
            refused.append(
                Refusal(number, "partner", Phrase("there is no partner {partner}", partner=row.partner))
            )
            del sound[number]
