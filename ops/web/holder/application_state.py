"""How an application stands, as whoever asked sees it, and what is done with it there.

Owns what the page of an application on line and that of a holder's have in common. Must not know whose it is.
Invariant: a file is kept only as it was found to be.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ledger.errors import RegistryRefused
from ledger.registry.applications import CHANGEABLE, DIGEST_CHARACTERS, ApplicationChanged
from ledger.registry.attachments import ATTACHMENTS
from ops import written
from ops.office.own_applications import WITHDRAWABLE, OwnApplication
from ops.office.uploads.check import FILE_BYTES_MAX
from ops.office.uploads.refused import UploadRefused
from ops.web.identity.forms import form_of, text_of
from ops.web.uploads import checked_file

UPLOAD_BYTES_MAX: Final = FILE_BYTES_MAX + 65_536


def stands(request: Request, own: OwnApplication) -> dict[str, Any]:
    """Return what `application_steps.html` shows."""
    row, state = own.view.row, own.state
    return {
        "number": own.number,
        "digest": row["digest"],
        "state": f"h_app_{state}",
        "due": written.day(row["complete_until"] or row["due_on"], request.state.language),
        "told": f"a_told_{row['withdrawn_via']}" if row["withdrawn_via"] else "",
        "reason": own.view.reason if state in ("called", "refused") or row["withdrawn_via"] else "",
        "lacks": [f"a_lack_{lack}" for lack in own.view.lacks] if state in CHANGEABLE else [],
        "files": [f"a_file_{file['kind']}" for file in own.view.attachments],
        "kinds": ATTACHMENTS,
        "may_change": state in CHANGEABLE,
        "is_called": state == "called",
        "may_withdraw": state in WITHDRAWABLE,
    }


async def carry_out(request: Request, own: OwnApplication) -> str:
    """Take a file, say that it is complete, or withdraw it; return the word of what is wrong, or "".

    Raises HTTPException for what no page of these sends.
    """
    form = form_of(request)
    act, shown = text_of(form, "act", 10), text_of(form, "digest", DIGEST_CHARACTERS)
    try:
        if act == "file":
            await _attach(request, own)
        elif act == "complete":
            await own.complete(shown)
        elif act == "withdraw" and text_of(form, "sure", 3) == "yes":
            await own.withdraw(shown)
        else:
            raise HTTPException(400)
    except UploadRefused:
        return "h_file_refused"
    except ApplicationChanged:
        return "a_stands_now"
    except RegistryRefused:
        return "a_refused"
    return ""


async def _attach(request: Request, own: OwnApplication) -> None:
    form = form_of(request)
    kind, file = text_of(form, "kind", 16), form.get("file")
    if kind not in ATTACHMENTS or not isinstance(file, UploadFile):
        raise HTTPException(400)
    await own.attach(kind, await checked_file(kind, file))
