"""What a holder's file said when an application was written, and what it says by now: a word of an
application is written only where the file still says of it what it said then; what was changed since is
newer.

Owns the comparison, field by field, and how the file is read for it. Must not write, nor know a page. What is
kept for it stands in the application, sealed with it (`Form.stood`). Invariants: what an application does not
say is not compared; PESEL and date of birth are one field of two columns, and a channel without its address
is none; what was changed and changed back counts as not changed, but for a consent that was withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ledger.postgres.database import Connection
from ledger.registry.agreements import CONSENTS, acting, list_agreements
from ledger.registry.holders import find_holder
from ledger.registry.people import find_person
from ledger.registry.vault import Vault
from ops.office.account_cards import any_card
from ops.office.forms import Form, said_of
from switch.rules.programme import Rules

File: TypeAlias = Mapping[str, str]
"""What is on file of a holder, by the fields of an application."""
YES: Final = "yes"
_BIRTH: Final = ("pesel", "born_on")
_BOXES: Final = ("consent_data", "consent_newsletter", "needs_guardian")


class Differing(NamedTuple):
    """A field of which an application says another word than the file."""

    field: str
    says: str
    stands: str
    is_written: bool
    """False: the file was changed since the application said so, and stays as it is."""


def words_of(form: Form) -> dict[str, str]:
    """Return what a form says of its holder, by field: who it is, the boxes that are ticked, the guardian."""
    words = {column: str(value) for column, value in said_of(form).items()}
    words |= {f"flag {code}": YES for code in form.flags}
    words |= {name: YES for name in _BOXES if getattr(form, name)}
    return words | ({"guardian": form.guardian} if form.guardian else {})


async def read_file(
    connection: Connection, vault: Vault, account: int, form: Form, terms: tuple[Rules, date]
) -> File:
    """Return what is on file of a holder; `form`: whose guardian is looked for. Nothing of the unknown."""
    rules, day = terms
    person = await find_person(connection, vault, account)
    if person is None:
        return {}
    file = {column: str(value or "") for column, value in person._asdict().items()}
    holder = await find_holder(connection, account)
    held = holder["flags"] if holder else 0
    for flag in rules.holders.flags if rules.holders else ():
        file[f"flag {flag.code}"] = YES if held >> flag.bit & 1 else ""
    file["needs_guardian"] = YES if holder and holder["guardian"] else ""
    token = (await any_card(connection, account))["token"]
    consents, representatives = await list_agreements(connection, vault, token)
    file |= {f"consent_{kind}": _newest(consents, kind) for kind in CONSENTS}
    is_there = ("guardian", form.guardian) in acting(representatives, day)
    return {**file, "guardian": form.guardian if is_there else ""}


def _newest(consents: list[Any], kind: str) -> str:
    """Return whether a consent is given, else when it was withdrawn last: each withdrawal is another."""
    row = next((each for each in consents if each["kind"] == kind), None)
    if row is None:
        return ""
    return YES if row["withdrawn_at"] is None else str(row["withdrawn_at"].isoformat())


async def with_file(
    connection: Connection,
    vault: Vault,
    account: int | None,
    form: Form,
    terms: tuple[Rules, date],
    *,
    was: Form | None = None,
) -> Form:
    """Return a form with what the file says as it is written; `was`: what the application said before, whose
    words, where they stay, stay of the day they were written. Of who has no card nothing is on file.
    """
    if account is None:
        return form
    file = await read_file(connection, vault, account, form, terms)
    stood = dict(file)
    if was is not None:
        words, before = words_of(form), words_of(was)
        for field in file:
            of_one = _BIRTH if field in _BIRTH else (field,)
            if all(words.get(each) == before.get(each) for each in of_one):
                stood[field] = was.stood.get(field, file[field])
    return msgspec.structs.replace(form, stood=stood)


def differing(form: Form, file: File) -> list[Differing]:
    """Return of which fields a form says another word than the file, and which of them are written."""
    words = words_of(form)
    other = {field: word for field, word in words.items() if file.get(field, "") != word}
    newer = {field for field in other if file.get(field, "") != form.stood.get(field)}
    if any(file.get(each, "") not in (form.stood.get(each), words.get(each)) for each in _BIRTH):
        newer |= other.keys() & set(_BIRTH)
    if "channel" in other:
        address = "email" if other["channel"] == "email" else "phone"
        put = other.get(address, "") if address not in newer else ""
        if not (put or file.get(address)):
            newer.add("channel")
    return [Differing(field, word, file.get(field, ""), field not in newer) for field, word in other.items()]
