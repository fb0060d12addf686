"""Where an address leads that is posted to alone: to the page that has its form.

Owns the routes that lead. Must not know a page. Such an address is asked for all the same: by the link of an
answer to the other language, typed again, or after a sign-in that came between a form and its sending.
Invariant: whatever is posted to can be asked for, or the site does not begin.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

_GAP: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


def leading(routes: Sequence[BaseRoute], belongs: Mapping[str, str]) -> list[Route]:
    """Return, of each path of these routes that is posted to alone, the one that leads to its page: the
    nearest above it, or the one that `belongs` names.
    """
    plain = [route for route in routes if isinstance(route, Route)]
    pages = {route.path for route in plain if "GET" in (route.methods or ())}
    posted = sorted({route.path for route in plain} - pages)
    unknown = belongs.keys() - set(posted) | set(belongs.values()) - pages
    assert not unknown, f"no such form, or no such page: {sorted(unknown)}"
    return [Route(path, _lead(belongs.get(path) or _above(path, pages))) for path in posted]


def _above(path: str, pages: set[str]) -> str:
    above = path.rpartition("/")[0]
    while above and above not in pages:
        above = above.rpartition("/")[0]
    assert above, f"{path} is posted to, and no page is above it: say which it belongs to"
    return above


def _lead(page: str) -> Callable[[Request], Awaitable[Response]]:
    async def lead(request: Request) -> Response:
        there = _GAP.sub(lambda gap: str(request.path_params[gap[1]]), page)
        return RedirectResponse(f"/{request.state.language}{there}", status_code=303)

    return lead
