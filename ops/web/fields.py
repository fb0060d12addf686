"""A field that does not hold what it asks for, and what a form that was refused held.

Owns the refusal that names a field, what the templates' fields show again, so that nobody types a form
twice, and what a form says of what it showed. Must not know a form. Invariants: a refusal repeats nothing
that was typed; a field shows again only what was posted to that very form, and a password, a code or the
number of a card never does, for no such field asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final, Literal

from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase
from ops.office.seen import DIGEST_CHARACTERS, Seen, digest_of
from ops.web.numbers import figures

_OF_WHAT: Final = {
    "the reason": "reason",
    "the name of a partner": "name",
    "the number of a partner": "partner",
    "the legal name": "legal_name",
    "the tax number": "tax_id",
    "the address": "address",
    "the months of an agreement": "months",
    "the number of an outlet": "outlet",
    "the sum of a correction": "net",
    "what it sets right": "origin",
    "the name that is shown": "shown",
    "the desk": "desk",
}
"""By what a bound is of, the field that is held to it, whatever form asks."""


SEEN: Final = "seen"
"""The hidden field in which a form says what it showed (`seen_field`)."""
_SEEN: Final = re.compile(rf"(\w{{1,32}}):([0-9a-f]{{{DIGEST_CHARACTERS}}})")
_MARKS: Final = Markup(' aria-invalid="true" aria-describedby="fault" autofocus')


class FieldRefused(RegistryRefused):
    """What was typed in a field cannot stand there; `field`: its name."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__("{column} {why}", column=field, why=why)
        self.field = field


def day_in(field: str, text: str) -> date | None:
    """Return the day that was typed in a field; None for nothing. Raises FieldRefused."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise FieldRefused(field, Phrase("is no day")) from None


def year_in(field: str, text: str) -> int | None:
    """Return the year that was typed in a field; None for nothing. Raises FieldRefused."""
    year = figures(text) if text else None
    if text and year is None:
        raise FieldRefused(field, Phrase("is no year"))
    return year


def seen_field(values: Mapping[str, object]) -> Markup:
    """Return the hidden field by which a form says what it showed: each field's name, and its digest."""
    said = " ".join(f"{name}:{digest_of(value)}" for name, value in values.items())
    return Markup('<input type="hidden" name="{}" value="{}">').format(SEEN, said)


def seen_in(form: FormData) -> Seen:
    """Return what a form says that it showed; nothing of a form that says nothing."""
    said = form.get(SEEN, "")
    return dict(_SEEN.findall(said)) if isinstance(said, str) else {}


class Typed:
    """What a refused form held by its fields, and which of them is wrong; of no form: nothing.

    Of a form that says what it showed, a field that nobody touched shows what stands now.
    """

    def __init__(self, form: FormData | None = None, wrong: frozenset[str] = frozenset()) -> None:
        self._form = form
        self._wrong = wrong
        self._seen = {} if form is None else seen_in(form)

    def text(self, name: str, otherwise: object) -> object:
        """Return what was typed in a field; `otherwise`, what stands there, where nothing was."""
        typed = self._form.get(name) if self._form is not None else None
        return otherwise if not isinstance(typed, str) or self._is_untouched(name, typed) else typed

    def is_on(self, name: str, otherwise: bool, choice: str = "yes") -> bool:
        """Whether a box was ticked, or a choice made; `otherwise` where there is no such form."""
        if self._form is None:
            return otherwise
        ticked = self._form.getlist(name)
        return otherwise if self._is_untouched(name, ticked) else choice in ticked

    def news(self, name: str, stands: object) -> Literal["", "changed", "differs"]:
        """Whether a field was changed by somebody else since it was shown, `stands` being what it holds now:
        "changed", and the field shows that; "differs": it was typed in as well, and shows what was typed.
        """
        if self._form is None or self._seen.get(name, digest_of(stands)) == digest_of(stands):
            return ""
        typed = self._form.getlist(name) if isinstance(stands, (bool, list, tuple)) else self._form.get(name)
        if self._is_untouched(name, typed):
            return "changed"
        return "" if digest_of(typed) == digest_of(stands) else "differs"

    def _is_untouched(self, name: str, typed: object) -> bool:
        return self._seen.get(name) == digest_of(typed)

    def marks(self, name: str) -> Markup:
        """Return what says of a field that it was refused, and leads to it; nothing of any other."""
        return _MARKS if name in self._wrong else Markup()


NOTHING_TYPED: Final = Typed()


def typed_in(request: Request, fault: str, action: str, act: str | None = "", **hidden: object) -> Typed:
    """Return what the form held that posts to `action`, with this field `act` (None: whichever of its
    buttons named one) and these hidden ones, where it is the one that was posted now and refused; `fault`:
    as the page tells it.
    """
    if not fault or request.method != "POST" or action != f"/{request.state.language}{request.state.page}":
        return NOTHING_TYPED
    form: FormData = request.state.form
    if act is not None and form.get("act", "") != act:
        return NOTHING_TYPED
    if any(form.get(name, "") != str(value) for name, value in hidden.items()):
        return NOTHING_TYPED
    return Typed(form, _wrong(fault, form))


def _wrong(fault: str, form: FormData) -> frozenset[str]:
    """Return the fields that a refusal is about: the one it names, the one it is a bound of, and those whose
    very value it tells.
    """
    if not isinstance(fault, Phrase):
        return frozenset()
    told = {name for name, part in fault.parts.items() if str(part) == form.get(name)}
    named = (fault.parts.get("column"), _OF_WHAT.get(str(fault.parts.get("what"))))
    return frozenset(told | {str(name) for name in named if name})
