"""What was typed into an application at a desk. Owns its fields. Must not know where a form is kept."""

from __future__ import annotations

from typing import Any, cast

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from ledger.registry.contact import EMAIL_CHARACTERS_MAX
from ops.office.forms import Form
from ops.web.desk.common import day_of, is_on, year_of
from ops.web.identity import choices_of, text_of


def form_in(posted: FormData) -> Form:
    """Return the form that was typed. Raises HTTPException for what no page sends, FieldRefused."""
    why = text_of(posted, "why", 16)
    if why not in ("", "fault", "no-fault", "changed-data"):
        raise HTTPException(400)
    return Form(
        name=text_of(posted, "name"),
        pesel=text_of(posted, "pesel", 11),
        born_on=day_of(posted, "born_on"),
        address=text_of(posted, "address", 300),
        phone=text_of(posted, "phone", 32),
        email=text_of(posted, "email", EMAIL_CHARACTERS_MAX),
        channel=text_of(posted, "channel", 8),
        pickup=text_of(posted, "pickup", 64),
        consent_data=is_on(posted, "consent_data"),
        consent_newsletter=is_on(posted, "consent_newsletter"),
        rules_accepted=is_on(posted, "rules_accepted"),
        guardian=text_of(posted, "guardian"),
        guardian_phone=text_of(posted, "guardian_phone", 32),
        guardian_email=text_of(posted, "guardian_email", EMAIL_CHARACTERS_MAX),
        co_signed=is_on(posted, "co_signed"),
        needs_guardian=is_on(posted, "needs_guardian"),
        flags=tuple(choices_of(posted, "flags")),
        proofs_seen=tuple(choices_of(posted, "proofs_seen")),
        tax_year=year_of(posted, "tax_year"),
        why=cast(Any, why or None),
        lost=is_on(posted, "lost"),
    )
