"""What the pages of a desk share: who acts, whether that person may, and how a refusal is told.

Owns the ways of hands at a desk and the guard of a desk's own applications. Must not know a page. Invariant:
what is refused is told without what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, TypeVar

import trio
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.bounds import INT64_MAX
from ledger.registry.card_states import Hand
from ledger.settlement.statement import check_month
from ops.office.applications import ApplicationDesk
from ops.office.holder_file import HolderFile
from ops.web.fields import FieldRefused, day_in, year_in
from ops.web.identity import Person, actor_of, office_of, person_of, text_of
from ops.web.numbers import figures
from ops.web.pages import Pages

T = TypeVar("T")
OFFICERS: Final = ("officer", "organiser")
CLERKS: Final = ("clerk", "verifier")
ACCOUNTS: Final = ("accounts",)
EDITORS: Final = ("editor",)
ADMINS: Final = ("admin",)
WORK: Final = trio.CapacityLimiter(2)
"""So many documents are set at a time: it takes a processor's time and memory."""
BLOCK_HANDS: Final = (Hand.HOLDER_DESK, Hand.GUARDIAN_DESK, Hand.DESK, Hand.ORGANISER)
"""Who may have a card blocked at a desk (Zgierz § 24): not a proxy, who does it on the web."""
RESIGN_HANDS: Final = (Hand.HOLDER_DESK, Hand.GUARDIAN_DESK, Hand.HOLDER_POST, Hand.GUARDIAN_POST)

_AMOUNT: Final = re.compile(r"(?P<sign>-?)(?P<zloty>[0-9]{1,9})([.,](?P<grosze>[0-9]{1,2}))?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,10}")

GetPages = Callable[[], Pages]


def officer(request: Request) -> Person:
    """Return who asks, behind a page's @require."""
    person = person_of(request)
    assert person is not None
    return person


def desk_of(request: Request) -> ApplicationDesk:
    """Return where the applications of this person's programme are."""
    office = office_of(request)
    return ApplicationDesk(office.database, office.master, office.programme)


def file_of(request: Request) -> HolderFile:
    """Return where the holders of this person's programme are."""
    office = office_of(request)
    return HolderFile(office.database, office.master, office.programme)


def acting(request: Request, form: FormData) -> Actor:
    """Return as whom a form is carried out, with the reason it names."""
    return actor_of(officer(request), text_of(form, "reason", REASON_CHARACTERS_MAX))


def named(form: FormData, acts: Mapping[str, T]) -> T:
    """Return the act that a form names. Raises 400."""
    act = acts.get(text_of(form, "act", 24))
    if act is None:
        raise HTTPException(400)
    return act


def number_in(request: Request, name: str, most: int = INT64_MAX) -> int:
    """Return a number of the path, of a row of the database. Raises 404."""
    number: int = request.path_params[name]
    if number > most:
        raise HTTPException(404)
    return number


def month_of(text: str) -> str:
    """Return a month that was named, like 2026-11. Raises 404."""
    try:
        return check_month(text)
    except RegistryRefused:
        raise HTTPException(404) from None


def month_in(request: Request) -> str:
    """Return the month of the path. Raises 404."""
    return month_of(request.path_params["month"])


def hand_of(form: FormData, allowed: tuple[Hand, ...]) -> Hand:
    """Return whose hand a form names; the table of moves has the last word."""
    try:
        hand = Hand(text_of(form, "hand", 32))
    except ValueError:
        raise HTTPException(400) from None
    if hand not in allowed:
        raise RegistryRefused("not by this hand at a desk")
    return hand


def day_of(form: FormData, name: str) -> date | None:
    """Return the day of a field; None for an empty one. Raises FieldRefused."""
    return day_in(name, text_of(form, name, 10))


def the_day(form: FormData, name: str) -> date:
    """Return the day of a field that cannot be empty. Raises FieldRefused."""
    day = day_of(form, name)
    if day is None:
        raise FieldRefused(name, Phrase("is missing"))
    return day


def year_of(form: FormData, name: str) -> int | None:
    """Return the year of a field; None for an empty one. Raises FieldRefused."""
    return year_in(name, text_of(form, name, 4))


def is_on(form: FormData, name: str) -> bool:
    """Whether a box is ticked."""
    return text_of(form, name, 8) == "yes"


def sure(form: FormData) -> None:
    """Go on only where the box says so: what cannot be taken back is confirmed. Raises RegistryRefused."""
    if not is_on(form, "sure"):
        raise RegistryRefused("this cannot be taken back: say that you are sure")


def grosze_of(form: FormData, name: str) -> int:
    """Return a sum that was typed as 45.90, 45,9 or -45, in grosze. Raises FieldRefused."""
    found = _AMOUNT.fullmatch(text_of(form, name, 16))
    if found is None:
        raise FieldRefused(name, Phrase("is written like 45.90 or -45,90"))
    grosze = int(found["zloty"]) * 100 + int((found["grosze"] or "0").ljust(2, "0"))
    return -grosze if found["sign"] else grosze


def whole(form: FormData, name: str) -> int:
    """Return a whole number that was typed, perhaps below 0. Raises FieldRefused."""
    text = text_of(form, name, 12)
    if not _WHOLE.fullmatch(text):
        raise FieldRefused(name, Phrase("is written in figures"))
    return int(text)


def after_in(request: Request, most: int = INT64_MAX, name: str = "after") -> int:
    """Return after which number a page of a list begins; 0 where the address names none.

    `name`: of the list's own parameter, where a page has more than one list.
    """
    return figures(request.query_params.get(name, ""), most) or 0


def to(request: Request, path: str) -> Response:
    """Lead to a page of the desk, in the language of this one."""
    return RedirectResponse(f"/{request.state.language}{path}", status_code=303)


def back_to(request: Request, path: str) -> Response:
    """Lead to a page of the desk, which says that what was asked is done."""
    return to(request, f"{path}?done=1")


def status_of(error: RegistryRefused) -> int:
    """Return the status of a page that tells a refusal."""
    if isinstance(error, FieldRefused):
        return 400
    return 404 if isinstance(error, NotInRegistry) else 409
