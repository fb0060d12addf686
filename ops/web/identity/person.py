"""Who asks, and what for: a person, the office of its programme, and who may have a page.

Owns the shape of both and the guard of an endpoint. Must not know how somebody signs in. Invariant: a
person is only ever one whose session is whole: the password, and the second factor where one is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec
from urllib.parse import urlencode

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.registry.audit import ACTOR_CHARACTERS_MAX, Actor
from ledger.registry.card_states import Hand
from ledger.registry.logins import Kind
from ops.web.offices import Office

HOLDERS: Final[tuple[Kind, ...]] = ("holder", "representative")
"""Who comes to a holder's pages: holders, and who acts for one without a card of the own."""
EVERYBODY: Final[tuple[Kind, ...]] = (*HOLDERS, "officer", "partner", "organiser")
P = ParamSpec("P")
Guarded = Callable[P, Coroutine[Any, Any, Response]]


class Person(msgspec.Struct, frozen=True):
    """Who has signed in. `name` is empty for a holder or a representative, of whom nothing personal is kept
    with the login.
    """

    login: int
    kind: Kind
    programme: int
    name: str
    account: int | None
    partner: int | None
    desk: str
    roles: frozenset[str]
    acts_for: int | None = None
    """Whose account `account` is, of a holder who acts for another one; None: the holder's own."""
    acts_as: str = ""
    """As what: "guardian", "proxy", or "ended" where that right is over, and `account` the holder's own (a
    representative has none); "nobody" of a representative who acts for none just now.
    """


def person_of(request: Request) -> Person | None:
    """Return who has signed in; None for everybody else."""
    found: Person | None = getattr(request.state, "person", None)
    return found


def offices_of(request: Request) -> Mapping[int, Office]:
    """Return the offices of all programmes here, by number; to find the one that somebody names."""
    found: Mapping[int, Office] = request.state.offices
    return found


def office_of(request: Request) -> Office:
    """Return the office of the programme of whoever has signed in."""
    person = person_of(request)
    assert person is not None, "nobody has signed in: the page lacks its @require"
    return offices_of(request)[person.programme]


HANDS: Final = {
    "holder": Hand.HOLDER_ONLINE,
    "representative": Hand.GUARDIAN_ONLINE,
    "nobody": Hand.GUARDIAN_ONLINE,
    "organiser": Hand.ORGANISER,
    "guardian": Hand.GUARDIAN_ONLINE,
    "proxy": Hand.PROXY_ONLINE,
}
"""By whose hand a card changes; a desk's where nothing else is said."""


def actor_of(person: Person, reason: str = "", second: str = "") -> Actor:
    """Return as whom a person writes: by name, of a holder by number, and for whom; with the number of the
    login, so that two of one name are two, however long it is.
    """
    number = f" ({person.login})"
    is_named = person.kind not in HOLDERS
    who = person.name[: ACTOR_CHARACTERS_MAX - len(number)] + number
    who = who if is_named else f"{person.kind} {person.login}"
    if person.acts_for is not None:  # the database knows it by this very form (migrations, 0098)
        who = f"{person.kind} {person.login} for {person.acts_for}"
    return Actor(who, reason, hand=HANDS.get(person.acts_as or person.kind, Hand.DESK), second=second)


def require(*kinds: Kind, roles: Collection[str] = ()) -> Callable[[Guarded[P]], Guarded[P]]:
    """Let only people of these kinds in, with one of these roles where any are named: to the sign-in who has
    not signed in, 403 to everybody else.
    """

    def guarding(endpoint: Guarded[P]) -> Guarded[P]:
        @wraps(endpoint)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> Response:
            request = next(each for each in args if isinstance(each, Request))  # behind self, of a method
            person = person_of(request)
            if person is None:
                return to_sign_in(request)
            if person.kind not in kinds or (roles and not person.roles & set(roles)):
                raise HTTPException(403)
            return await endpoint(*args, **kwargs)

        return guarded

    return guarding


def to_sign_in(request: Request) -> Response:
    """Lead to the sign-in, and from there back to the page that was asked for."""
    back = urlencode({"next": f"/{request.state.language}{request.state.page}"})
    return RedirectResponse(f"/{request.state.language}/login?{back}", status_code=303)
