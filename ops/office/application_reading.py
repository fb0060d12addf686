"""An application as it is read for a desk: with its person and card, and what it lacks by the rules.

Owns that reading. Must not write, nor know a page. Invariant: of whom the key was destroyed nothing is read.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from ledger.postgres.database import Connection
from ledger.registry import applications as kept
from ledger.registry.cards import find_issue
from ledger.registry.people import find_person
from ledger.registry.vault import Vault
from ops.office.application_view import View, with_acceptance
from ops.office.file_since import differing, read_file
from ops.office.forms import Form, lacks_of
from switch.rules.programme import Rules


async def read_view(
    connection: Connection,
    vault: Vault,
    row: Any,
    terms: tuple[Rules, date],
    *,
    files: list[Any],
    accepted: Any | None,
) -> View:
    """Return an application, a row of the registry, as a desk sees it; `terms`: the rules, and today."""
    rules, day = terms
    text = kept.form_in(vault, row)
    form = (
        with_acceptance(msgspec.json.decode(text, type=Form), row, accepted, rules)
        if text is not None
        else None
    )
    person = await find_person(connection, vault, row["account"]) if row["account"] else None
    lacks = lacks_of(form, row["kind"], rules, day, [file["kind"] for file in files]) if form else []
    due = row["complete_until"] or (row["due_on"] if row["state"] in kept.TO_ISSUE else None)
    card = await card_of(connection, row)
    return View(
        row,
        form,
        person,
        kept.reason_in(vault, row),
        files,
        lacks,
        due is not None and due < day,
        card["last4"] if card is not None else "",
        accepted,
    )


async def beside_file(connection: Connection, vault: Vault, view: View, terms: tuple[Rules, date]) -> View:
    """Return an application with what it says otherwise than the holder's file, as long as that is not
    written.
    """
    row, form = view.row, view.form
    if row["account"] is None or form is None or row["state"] not in (*kept.DECIDABLE, "granted"):
        return view
    file = await read_file(connection, vault, row["account"], form, terms)
    return view._replace(differing=differing(form, file))


async def card_of(connection: Connection, row: Any) -> Any | None:
    """Return the card that was made for an application, or None."""
    if row["carrier"] is None:
        return None
    return await find_issue(connection, row["account"], row["carrier"], row["issue"])
