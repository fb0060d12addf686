"""What who acts for another one may do: the one table, and the guard in front of every page.

Owns both. Must not know a page. Invariants: a page that the table does not name is no page for whoever acts
for another; a right that has ended ends at the next request, and is never taken for the holder's own; the
database holds the same of whatever is written (migrations, 0098).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ledger.registry.people import find_person
from ops.web.identity.person import Person, office_of, person_of
from ops.web.identity.visits import SAFE

GUARDIAN: Final = frozenset({"guardian"})
"""A parent or guardian does what the holder does (Zgierz § 12, § 24, § 27, § 28, § 31)."""
EITHER: Final = frozenset({"guardian", "proxy"})
"""A proxy blocks on the web (Zgierz § 24) and renews (§ 20.2), and sees what that takes."""
ALWAYS: Final = frozenset({"guardian", "proxy", "ended", "nobody"})
NOBODY: Final = frozenset({"nobody"})
"""Who has no card and acts for nobody just now has the own login alone, and the list to choose from."""
FAMILY: Final = "/me/family"

WHO_MAY: Final[Mapping[str, Collection[str]]] = {
    "/me": EITHER,
    "/me/block/{place}": EITHER,
    "/me/renewal": EITHER,
    "/me/applications/{number:int}": EITHER,
    "/me/offers": EITHER,
    "/me/history": GUARDIAN,
    "/me/history.csv": GUARDIAN,
    "/me/history.pdf": GUARDIAN,
    "/me/data": GUARDIAN,
    "/me/data/code": GUARDIAN,
    "/me/messages": GUARDIAN,
    "/me/consents": GUARDIAN,
    "/me/duplicate": GUARDIAN,
    "/me/end": GUARDIAN,
    FAMILY: ALWAYS,
    f"{FAMILY}/switch": ALWAYS,
    f"{FAMILY}/code": ALWAYS,
    "/me/login": NOBODY,
}
"""By the path of a page; what is not here is of one's own account alone: giving a proxy."""


class ActedFor(NamedTuple):
    """Whom a page is about, where that is not who has signed in; `has_own`: who has, has a card, too."""

    name: str
    role: str
    has_own: bool = True


def acted_for(request: Request) -> ActedFor | None:
    """Return whom a page is about; None: whoever has signed in."""
    found: ActedFor | None = getattr(request.state, "acted_for", None)
    return found


def ruled(route: Route) -> Route:
    """Return a route that whoever acts for another has by the table alone, where it is about a holder."""
    if not route.path.startswith("/me"):
        return route
    endpoint, may = route.endpoint, WHO_MAY.get(route.path, ())

    async def judged(request: Request) -> Response:
        person = person_of(request)
        if person is not None and person.acts_as:
            if person.acts_as not in may:
                if person.acts_as in ("ended", "nobody") and request.method in SAFE:
                    return RedirectResponse(f"/{request.state.language}{FAMILY}", status_code=303)
                raise HTTPException(403)
            request.state.acted_for = await _whom(request, person)
        answer: Response = await endpoint(request)
        return answer

    return Route(route.path, judged, methods=list(route.methods or ()))


async def _whom(request: Request, who: Person) -> ActedFor | None:
    if who.acts_for is None or who.acts_as == "ended":
        return None
    office, account = office_of(request), who.acts_for
    person = await office.database.run(lambda c: find_person(c, office.master.vault, account))
    return ActedFor(person.name if person else "", who.acts_as, who.kind == "holder")
