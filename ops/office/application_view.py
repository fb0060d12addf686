"""An application as a desk sees it. Owns its shape. Must not know how it is read or judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ledger.registry.applications import CHANGEABLE
from ledger.registry.people import Person
from ops.office.file_since import Differing
from ops.office.forms import Form, Lack, asked
from switch.rules.programme import Rules


class View(NamedTuple):
    """An application as a desk sees it. `form` None: the key of who it is of was destroyed."""

    row: Any
    form: Form | None
    person: Person | None
    """Who the holder is, of an application of a holder's."""
    reason: str
    attachments: list[Any]
    lacks: list[Lack]
    is_late: bool
    last4: str
    """How the number of the card that was made for it ends; "" before there is one."""
    accepted: Any | None
    """Which rules were accepted with it (`acceptances_of`)."""
    differing: Sequence[Differing] = ()
    """Of one application that is shown, before it is carried out: what it says otherwise than the file."""

    @property
    def name(self) -> str:
        """Whose it is."""
        if self.person is not None:
            return self.person.name
        return self.form.name if self.form else ""


def with_acceptance(form: Form, row: Any, accepted: Any | None, rules: Rules) -> Form:
    """Return a form whose box says what was taken down, for only that counts: as long as it can be put anew,
    whether it is of the document that is to be accepted today.
    """
    document = asked(rules).regulations
    if not document or row["kind"] != "first":
        return form
    is_accepted = accepted is not None and (
        accepted["document"] == document or row["state"] not in CHANGEABLE
    )
    return msgspec.structs.replace(form, rules_accepted=is_accepted)
