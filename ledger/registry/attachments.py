"""Owns the files that came with applications: kept, listed, read.

Rows of `people.attachment`, sealed under the key that the application's form is sealed with. A file is put to
an application that can be changed still, and never changed itself; the database holds how many there may be
(migrations, 0088). Takes the owner's connection or a programme's; every write takes its actor.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.applications import CHANGEABLE, NEXT_NUMBER, Which, the_application
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import INT64_MAX, check_number
from ledger.registry.sealed import key_in, place, seal, unseal_bytes
from ledger.registry.vault import Vault

ATTACHMENTS: Final = ("tax", "photo", "declaration", "entitlement", "other")
ATTACHMENTS_MAX: Final = 8


class File(NamedTuple):
    """One attachment: what it is for, its type by its content, its bytes."""

    kind: str
    type: str
    body: bytes


async def add_attachment(connection: Connection, actor: Actor, vault: Vault, which: Which, file: File) -> int:
    """Add a file that was checked to an application that is not decided; return its number."""
    if file.kind not in ATTACHMENTS:
        raise RegistryRefused("an attachment is one of {known}", known=ATTACHMENTS)
    programme, number = which
    async with writing(connection, actor):
        row = await the_application(connection, which)
        if row["state"] not in CHANGEABLE:
            raise RegistryRefused(
                "an application that is {application_state} takes no attachments",
                application_state=row["state"],
            )
        if len(await list_attachments(connection, which)) >= ATTACHMENTS_MAX:
            raise RegistryRefused("an application has at most {most} attachments", most=ATTACHMENTS_MAX)
        attachment: int = await connection.fetchval(NEXT_NUMBER, "people.attachment")
        at = place(programme, attachment, "attachment.body")
        await connection.execute(
            "insert into people.attachment (number, application, programme, kind, type, body) "
            "values ($1, $2, $3, $4, $5, $6)",
            attachment,
            number,
            programme,
            file.kind,
            file.type,
            seal(vault, key_in(row["form"]), file.body, at),
        )
    return attachment


async def list_attachments(connection: Connection, which: Which) -> list[Any]:
    """What came with an application, without the bytes: number, kind, type, bytes, added_at, added_by."""
    return (await attachments_of(connection, which.programme, [which.number]))[which.number]


async def attachments_of(
    connection: Connection, programme: int, numbers: Sequence[int]
) -> dict[int, list[Any]]:
    """What came with each of these applications, as `list_attachments` says, by their numbers."""
    rows = await connection.fetch(
        "select application, number, kind, type, octet_length(body) - 37 as bytes, added_at, added_by "
        "from people.attachment where application = any($1::bigint[]) and programme = $2 order by number",
        numbers,
        programme,
    )
    found: dict[int, list[Any]] = {number: [] for number in numbers}
    for row in rows:
        found[row["application"]].append(row)
    return found


async def read_attachment(connection: Connection, vault: Vault, which: Which, attachment: int) -> File:
    """One attachment of one application of one programme. Raises NotInRegistry."""
    programme, number = which
    check_number("the number of an attachment", attachment, 1, INT64_MAX)
    row = await connection.fetchrow(
        "select kind, type, body from people.attachment "
        "where number = $1 and application = $2 and programme = $3",
        attachment,
        number,
        programme,
    )
    if row is None:
        raise NotInRegistry(
            "application {number} has no attachment {attachment}", number=which.number, attachment=attachment
        )
    at = place(programme, attachment, "attachment.body")
    return File(row["kind"], row["type"], unseal_bytes(vault, row["body"], at))
