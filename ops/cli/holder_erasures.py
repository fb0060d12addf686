"""`cityswitch holders`: erasures that a restored database has to be told of again.

Owns this subcommand. Must not do an office's work itself: `ops.office.holders` does.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ops.cli.help_texts import examples
from ops.cli.holder_agreements import app
from ops.cli.holders import holder_desk
from ops.cli.registry_options import NOBODY, By, Json, tell_done
from ops.exit_codes import Exit
from ops.place.options import HERE, Place

__all__ = ["app"]


@app.command(help_epilogue=examples("holders erasures", "holders erasures --apply"))
async def erasures(
    *,
    apply: Annotated[bool, Parameter(negative="", help="Erase them again, with all that is theirs.")] = False,
    by: By = NOBODY,
    json: Json = False,
    place: Place = HERE,
) -> Exit:
    """Count the keys that were destroyed and that this database has again, since it was restored.

    Ends in status 1 where there are some, and without --apply they stay.
    """
    if apply:
        async with holder_desk(place) as desk:
            done = await desk.apply_erasures(by.told())
        tell_done(
            f"{done} keys that were destroyed were in this database: what they were for is erased again.",
            {"pending": 0, "applied": done}, as_json=json, again="holders erasures",
        )  # fmt: skip
        return Exit.OK
    async with holder_desk(place, to_look=True) as desk:
        pending = await desk.pending_erasures()
    tell_done(
        f"{pending} keys that were destroyed are in this database"
        + (": run `cityswitch holders erasures --apply`." if pending else "."),
        {"pending": pending, "applied": 0}, as_json=json,
    )  # fmt: skip
    return Exit.DIFFERENCES if pending else Exit.OK
