"""A field that does not hold what it asks for, and what a form that was refused held.

Owns the refusal that names a field, and what the templates' fields show again, so that nobody types a form
twice. Must not know a form. Invariants: a refusal repeats nothing that was typed; a field shows again only
what was posted to that very form, and a password, a code or the number of a card never does, for no such
field asks.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase

_NAMING: Final = "{column} {why}"


class FieldRefused(RegistryRefused):
    """What was typed in a field cannot stand there; `field`: its name."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__("{column} {why}", column=field, why=why)
        self.field = field


class Typed:
    """What a refused form held by its fields, and which of them is wrong; of no form: nothing."""

    def __init__(self, form: FormData | None = None, wrong: str = "") -> None:
        self._form = form
        self._wrong = wrong

    def text(self, name: str, otherwise: object) -> object:
        """Return what was typed in a field; `otherwise` where nothing was."""
        typed = self._form.get(name) if self._form is not None else None
        return typed if isinstance(typed, str) else otherwise

    def is_on(self, name: str, otherwise: bool, choice: str = "yes") -> bool:
        """Whether a box was ticked, or a choice made; `otherwise` where there is no such form."""
        return otherwise if self._form is None else choice in self._form.getlist(name)

    def is_wrong(self, name: str) -> bool:
        """Whether it is this field that was refused."""
        return name == self._wrong


NOTHING_TYPED: Final = Typed()


def typed_in(request: Request, fault: str, action: str, act: str = "") -> Typed:
    """Return what the form held that posts to `action`, with this field `act`, where it is the one that was
    posted now and refused; `fault`: as the page tells it.
    """
    if not fault or request.method != "POST" or action != f"/{request.state.language}{request.state.page}":
        return NOTHING_TYPED
    form: FormData = request.state.form
    if form.get("act", "") != act:
        return NOTHING_TYPED
    is_named = isinstance(fault, Phrase) and fault.template == _NAMING
    return Typed(form, str(fault.parts["column"]) if is_named and isinstance(fault, Phrase) else "")
