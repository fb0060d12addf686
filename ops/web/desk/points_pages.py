"""The pages of points that no till moves: corrections and opening balances, proposed and approved.

Owns what they ask and answer. Must not know how anything is posted (`ops.office.adjustments`). Invariants: a
card number that was typed is shown nowhere again; whoever approves types what the proposal comes to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Database
from ledger.registry.adjustments import (
    POINTS_MAX,
    REFERENCE_CHARACTERS_MAX,
    AdjustmentKind,
    AdjustmentState,
    NewRow,
    list_adjustments,
    list_rows,
)
from ledger.registry.audit import REASON_CHARACTERS_MAX, Actor
from ledger.registry.imports import Import, Mode
from ops.office.adjustments import AccountsDesk, approve, read_one, refuse
from ops.web.desk.common import (
    ACCOUNTS,
    OFFICERS,
    GetPages,
    acting,
    after_in,
    back_to,
    named,
    number_in,
    status_of,
    to,
    whole,
)
from ops.web.fields import FieldRefused
from ops.web.identity import Office, form_of, office_of, require, text_of
from ops.web.refusals import fault_of
from protocol import CardNumberError, parse_card

PAGE: Final = 50
LINES_MAX: Final = 500
LINES_CHARACTERS_MAX: Final = 32_000


async def _correct(office: Office, actor: Actor, form: FormData) -> int:
    desk = AccountsDesk(office.database, office.master)
    return await desk.propose(actor, _card(text_of(form, "card", 40)), whole(form, "points"))


async def _open(office: Office, actor: Actor, form: FormData) -> int:
    desk = AccountsDesk(office.database, office.master)
    text = text_of(form, "lines", LINES_CHARACTERS_MAX, lines=True)
    numbers = await desk.numbers(office.programme)
    rows = _rows(text, numbers.token)
    done, found = await desk.import_balances(actor, numbers, rows, Mode.WHOLE)
    return found or _refused(done, rows)


async def _approve(database: Database, actor: Actor, number: int, form: FormData) -> None:
    await approve(database, actor, number, whole(form, "points"))


PROPOSALS: Final[dict[str, Callable[[Office, Actor, FormData], Awaitable[int]]]] = {
    "correct": _correct,
    "open": _open,
}
DECISIONS: Final[dict[str, Callable[[Database, Actor, int, FormData], Awaitable[None]]]] = {
    "approve": _approve,
    "refuse": lambda database, actor, number, _: refuse(database, actor, number),
}


class PointsPages:
    """The adjustments of whoever's programme it is."""

    def __init__(self, pages: GetPages) -> None:
        self._pages = pages

    @require(*OFFICERS, roles=ACCOUNTS)
    async def waiting(self, request: Request) -> Response:
        """Show what is proposed, or all there was; and the forms to propose."""
        return await self._list(request)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def propose(self, request: Request) -> Response:
        """Propose a correction of a card, or the opening balances of many."""
        form, office = form_of(request), office_of(request)
        act = named(form, PROPOSALS)
        try:
            number = await act(office, acting(request, form), form)
        except RegistryRefused as error:
            return await self._list(request, error)
        return to(request, f"/desk/points/{number}")

    @require(*OFFICERS, roles=ACCOUNTS)
    async def show(self, request: Request) -> Response:
        """Show one proposal with its rows."""
        return await self._show(request)

    @require(*OFFICERS, roles=ACCOUNTS)
    async def decide(self, request: Request) -> Response:
        """Approve a proposal, saying what it comes to, or refuse it."""
        number, form, database = number_in(request, "number"), form_of(request), office_of(request).database
        act = named(form, DECISIONS)
        try:
            await act(database, acting(request, form), number, form)
        except NotInRegistry:
            raise HTTPException(404) from None
        except RegistryRefused as error:
            return await self._show(request, error)
        return back_to(request, f"/desk/points/{number}")

    async def _list(self, request: Request, error: RegistryRefused | None = None) -> Response:
        every = request.query_params.get("all", "") == "yes"
        after = after_in(request)
        state = None if every else AdjustmentState.PROPOSED
        rows = await office_of(request).database.run(
            lambda c: list_adjustments(c, state, after=after, limit=PAGE + 1)
        )
        return self._pages().render(
            request,
            "desk_points.html",
            status=status_of(error) if error else 200,
            rows=rows[:PAGE],
            more=rows[PAGE - 1]["number"] if len(rows) > PAGE else 0,
            every=every,
            lines_max=LINES_MAX,
            lines_characters_max=LINES_CHARACTERS_MAX,
            points_max=POINTS_MAX,
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
            **_NAMES,
        )

    async def _show(self, request: Request, error: RegistryRefused | None = None) -> Response:
        number, database, after = number_in(request, "number"), office_of(request).database, after_in(request)
        try:
            rows = await database.run(lambda c: list_rows(c, number, after=after, limit=PAGE + 1))
            one = await read_one(database, number)
        except NotInRegistry:
            raise HTTPException(404) from None
        return self._pages().render(
            request,
            "desk_adjustment.html",
            status=status_of(error) if error else 200,
            one=one,
            rows=rows[:PAGE],
            more=rows[PAGE - 1]["number"] if len(rows) > PAGE else 0,
            is_open=one["state"] == AdjustmentState.PROPOSED,
            reason_max=REASON_CHARACTERS_MAX,
            fault=fault_of(error),
            **_NAMES,
        )


_NAMES: Final[dict[str, Any]] = {
    "kinds": {int(kind): kind.name.lower() for kind in AdjustmentKind},
    "states": {int(state): state.name.lower() for state in AdjustmentState},
}


def _card(text: str) -> str:
    try:
        return parse_card(text)
    except CardNumberError:
        raise FieldRefused("card", Phrase("is no number of a card")) from None


def _rows(text: str, token_of: Callable[[str], int]) -> list[NewRow]:
    """Return the lines "number points reference" of a text. Raises RegistryRefused; it repeats no number."""
    lines = [line.split(maxsplit=2) for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= LINES_MAX:
        raise RegistryRefused("from 1 to {most} lines at a time", most=LINES_MAX)
    rows = []
    for at, parts in enumerate(lines, 1):
        if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdecimal() and len(parts[1]) < 12):
            raise RegistryRefused("line {line} is not like: number of the card, points, reference", line=at)
        if len(parts[2]) > REFERENCE_CHARACTERS_MAX:
            raise RegistryRefused(
                "line {line}: the reference has more than {most} characters",
                line=at,
                most=REFERENCE_CHARACTERS_MAX,
            )
        try:
            number = parse_card(parts[0])
        except CardNumberError:
            raise RegistryRefused("line {line}: that is no number of a card", line=at) from None
        rows.append(NewRow(token_of(number), int(parts[1]), parts[2]))
    return rows


def _refused(done: Import, rows: list[NewRow]) -> int:
    """Say of an import that wrote nothing why."""
    if not done.refused:
        raise RegistryRefused("all of these have just this opening balance already")
    key, column, reason = done.refused[0]
    at = next(at for at, row in enumerate(rows, 1) if row.token == key)
    if not column:  # it is the line as a whole
        raise RegistryRefused("line {line}: {why}", line=at, why=reason)
    raise RegistryRefused("line {line}: {column} {why}", line=at, column=column, why=reason)
