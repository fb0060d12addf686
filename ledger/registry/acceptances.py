"""Owns which rules of a programme whoever asked for a card accepted: when, by which way, taken down by whom.

Rows of `people.acceptance`: an application's until its card lies ready, then the holder's. No consent:
nothing withdraws it, and it goes with the person (migrations, 0088). Takes the owner's connection or a
programme's; every write takes its actor.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing

_OF_APPLICATIONS: Final = """select application, document, version, via, accepted_on, taken_by
  from people.acceptance where programme = $1 and application = any($2::bigint[])"""
_WITHDRAWN: Final = """delete from people.acceptance
  where application = $1 and programme = $2 and account is null and document is distinct from $3"""


class Acceptance(NamedTuple):
    """What was accepted: the document by its name and day, the version of the rules in force, and the way."""

    version: int
    document: str
    via: str


async def put_acceptance(
    connection: Connection, actor: Actor, programme: int, application: int, accepted: Acceptance | None
) -> None:
    """Take down that the rules are accepted with an application that is not verified; None: that they are
    not. What was taken down before of this document stays as it was; what was of another one goes.
    """
    async with writing(connection, actor):
        document = accepted.document if accepted is not None else None
        await connection.execute(_WITHDRAWN, application, programme, document)
        if accepted is None:
            return
        await connection.execute(
            "insert into people.acceptance (application, programme, version, document, via, accepted_on) "
            "values ($1, $2, $3, $4, $5, registry.today_of($2)) on conflict (application) do nothing",
            application,
            programme,
            *accepted,
        )


async def give_acceptance(
    connection: Connection, actor: Actor, application: int, account: int, *, needed: bool
) -> None:
    """Make what was accepted with an application its holder's. Raises RegistryRefused where it is `needed`
    and nothing was.
    """
    async with writing(connection, actor):
        given = await connection.fetchval(
            "update people.acceptance set account = $2 where application = $1 returning true",
            application,
            account,
        )
        if needed and not given:
            raise RegistryRefused("the rules of the programme were not accepted: a new application is needed")


async def acceptances_of(
    connection: Connection, programme: int, applications: Sequence[int]
) -> dict[int, Any]:
    """What was accepted with applications, by number: document, version, via, accepted_on, taken_by."""
    rows = await connection.fetch(_OF_APPLICATIONS, programme, list(applications))
    return {row["application"]: row for row in rows}


async def list_acceptances(connection: Connection, account: int) -> list[Any]:
    """What a holder accepted, the newest first: document, version, via, accepted_on."""
    rows: list[Any] = await connection.fetch(
        "select document, version, via, accepted_on from people.acceptance where account = $1 "
        "order by accepted_at desc",
        account,
    )
    return rows
