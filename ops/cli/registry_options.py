"""What the registry's commands share: pages, programmes by number or code, dates, steps.

Owns the reading of these options. Must not know cards, partners or terminals.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from cyclopts import Group, Parameter

from ledger.postgres.database import Connection
from ledger.registry.admin import list_programmes
from ops.errors import CommandError
from ops.exit_codes import Exit

Json = Annotated[bool, Parameter(help="JSON instead of a table.")]
Programme = Annotated[
    str | None, Parameter(name="--programme", help="Number or code; not needed while there is only one.")
]


@Parameter(name="*", group=Group("Page", sort_key=7))
@dataclass(frozen=True, kw_only=True)
class Page:
    """Which part of a long list."""

    after: Annotated[int, Parameter(help="Begin after this number.")] = 0
    limit: Annotated[int, Parameter(help="At most so many rows, up to 1000.")] = 100


FIRST_PAGE: Final = Page()


async def pick_programme(connection: Connection, wanted: str | None) -> int:
    """Return the number of the programme wanted, or of the only one. Raises `CommandError`."""
    programmes: list[Any] = await list_programmes(connection)
    if wanted is None and len(programmes) == 1:
        return int(programmes[0]["id"])
    for programme in programmes:
        if wanted in (str(programme["id"]), programme["code"]):
            return int(programme["id"])
    if not programmes:
        raise CommandError(
            Exit.NOT_FOUND, "there is no programme yet.", "Add one with `cityswitch programmes apply FILE`."
        )
    known = ", ".join(f"{programme['id']} {programme['code']}" for programme in programmes)
    cause = f"there is no programme '{wanted}'." if wanted else "there are several programmes."
    raise CommandError(
        Exit.NOT_FOUND if wanted else Exit.USAGE, cause, f"Name one with --programme: {known}."
    )


def parse_day(text: str) -> date | None:
    """Return the date of "2031-05-31", None for an empty text. Raises ValueError."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no date like 2031-05-31") from None


def parse_yes(text: str) -> bool:
    """Return what yes/no, 1/0, true/false, tak/nie mean; an empty text is no. Raises ValueError."""
    folded = text.lower()
    if folded in {"", "no", "0", "false", "nie"}:
        return False
    if folded in {"yes", "1", "true", "tak"}:
        return True
    raise ValueError(f"'{text}' is neither yes nor no")
