"""The board as a site: its page, its stream, and one look for all who watch.

Owns what is sent to viewers and when. Must not know how figures are had (`poller`, `books`) nor what
protects a site (`ops.web.application`). Invariants: a look is put into words once for each language that is
watched, however many watch; the names of partners travel once, not every second.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import trio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ledger.postgres.database import Database
from ops.web.application import Access, make_application
from ops.web.board.books import Books
from ops.web.board.figures import TYPES
from ops.web.board.grid import STATES, grid_of
from ops.web.board.poller import Point, Poller, Snapshot
from ops.web.board.scrape import fetch
from ops.web.board.view import view_of
from ops.web.board.viewers import AGAIN_MS, FULL_AGAIN_MS, VIEWERS_MAX, EventStream, Viewers, event
from ops.web.board.words import BOARD
from ops.web.language import Speech
from ops.web.pages import Pages
from ops.web.words import SHELL

HERE: Final = Path(__file__).parent
WORDS: Final = {**SHELL, **BOARD}
DEFAULT_ZONE: Final = "Europe/Warsaw"


class Board:
    """The board: one for all who watch."""

    def __init__(
        self,
        database: Database,
        addresses: Callable[[], Sequence[str]],
        *,
        viewers_max: int = VIEWERS_MAX,
        contact: str = "",
        fetch: Callable[[str], Awaitable[str]] = fetch,
    ) -> None:
        self.viewers = Viewers(viewers_max)
        self.books = Books(database)
        self.poller = Poller(
            addresses,
            self.books,
            is_watched=lambda: len(self.viewers) > 0,
            on_look=self._tell,
            fetch=fetch,
        )
        self.pages = Pages(WORDS, [HERE], contact=contact)
        self._names: Sequence[str] = ()

    def application(self, access: Access) -> ASGIApp:
        """Return the site."""
        routes = [Route("/", self.page), Route("/board/events", self.events)]
        return make_application(self.pages, routes, access)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Look, while anybody watches, for as long as the block lasts; then end all streams."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.poller.run)
            try:
                yield
            finally:
                self.viewers.end()
                nursery.cancel_scope.cancel()

    async def page(self, request: Request) -> Response:
        """Answer with the page, as things stand now."""
        snapshot = await self.poller.fresh()
        speech = self._speech(request.state.language)
        return self.pages.render(
            request,
            "board.html",
            view=view_of(snapshot, speech),
            types=TYPES,
            states=STATES,
            zone=self._zone(),
        )

    async def events(self, request: Request) -> Response:
        """Answer with the stream of one who watches."""
        language = request.state.language
        self.poller.want()
        full = event("full", b"{}", again_ms=FULL_AGAIN_MS)
        return EventStream(self.viewers, language, lambda: self._greeting(language), full)

    def _tell(self, snapshot: Snapshot) -> None:
        """Tell all who watch of a look."""
        names, before = grid_of(snapshot.known).names, self._names
        self._names = names
        news = b"" if names == before else event("partners", msgspec.json.encode(names))
        for language in self.viewers.languages():
            message = news + self._message(snapshot, language, list(snapshot.points)[-1:])
            self.viewers.tell(language, message)

    def _greeting(self, language: str) -> bytes:
        snapshot = self.poller.snapshot
        names = msgspec.json.encode(grid_of(snapshot.known).names)
        start = event("partners", names, again_ms=AGAIN_MS)
        return start + self._message(snapshot, language, list(snapshot.points))

    def _message(self, snapshot: Snapshot, language: str, points: Sequence[Point]) -> bytes:
        view = view_of(snapshot, self._speech(language))
        return event("look", msgspec.json.encode({"view": view, "points": points}))

    def _zone(self) -> str:
        programmes = self.books.known.programmes.values()
        return next((programme.time_zone for programme in programmes), DEFAULT_ZONE)

    def _speech(self, language: str) -> Speech:
        try:
            zone = ZoneInfo(self._zone())
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo(DEFAULT_ZONE)
        return Speech(language, WORDS, zone)
