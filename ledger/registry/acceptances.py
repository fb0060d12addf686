"""Owns which rules of a programme whoever asked for a card accepted: when, by which way, taken down by whom.

Rows of `people.acceptance`: an application's until its card lies ready, then the holder's. No consent:
nothing withdraws it, and it goes with the person (migrations, 0088). Takes the owner's connection or a
programme's; every write takes its actor.
"""

from typing import Any, NamedTuple

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing


class Acceptance(NamedTuple):
    """What was accepted: the document by its name and day, the version of the rules in force, and the way."""

    version: int
    document: str
    via: str


async def put_acceptance(
    connection: Connection, actor: Actor, programme: int, application: int, accepted: Acceptance | None
) -> None:
    """Take down that the rules are accepted with an application that is not verified; None: that they are
    not. What was taken down before stays as it was.
    """
    async with writing(connection, actor):
        if accepted is None:
            await connection.execute(
                "delete from people.acceptance where application = $1 and programme = $2 and account is null",
                application,
                programme,
            )
            return
        await connection.execute(
            "insert into people.acceptance (application, programme, version, document, via, accepted_on) "
            "values ($1, $2, $3, $4, $5, registry.today_of($2)) on conflict (application) do nothing",
            application,
            programme,
            *accepted,
        )


async def give_acceptance(connection: Connection, actor: Actor, application: int, account: int) -> None:
    """Make what was accepted with an application its holder's."""
    async with writing(connection, actor):
        await connection.execute(
            "update people.acceptance set account = $2 where application = $1", application, account
        )


async def find_acceptance(connection: Connection, programme: int, application: int) -> Any | None:
    """What was accepted with an application: document, version, via, accepted_on, taken_by; None: nothing."""
    return await connection.fetchrow(
        "select document, version, via, accepted_on, taken_by from people.acceptance "
        "where application = $1 and programme = $2",
        application,
        programme,
    )


async def list_acceptances(connection: Connection, account: int) -> list[Any]:
    """What a holder accepted, the newest first: document, version, via, accepted_on."""
    rows: list[Any] = await connection.fetch(
        "select document, version, via, accepted_on from people.acceptance where account = $1 "
        "order by accepted_at desc",
        account,
    )
    return rows
