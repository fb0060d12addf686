"""Who came, who went and who was not let in, until somebody takes it down.

Owns the news of terminals since they were last taken, one entry a terminal, whatever happened to it. Must not
know where they are kept. Invariants: nothing here is on the way of a request; there are no more entries than
terminals in the registry, and of numbers that are in none `STRANGERS_MAX` an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import trio

if TYPE_CHECKING:
    from switch.flow.connection import Connection

STRANGERS_MAX: Final = 100
STRANGERS_S: Final = 3_600.0


class News(msgspec.Struct):
    """What is new of one terminal; moments by trio's clock, in seconds.

    `is_open`: its connection is there (None: nothing is known of one); `connection`: that one, or the one
    that has ended. `failures`: how often it, or who claimed to be it, was not let in or broke the rules.
    """

    connection: Connection | None = None
    is_open: bool | None = None
    ended: str = ""
    ended_at: float = 0.0
    failure: str = ""
    failed_at: float = 0.0
    failed_from: str = ""
    failures: int = 0

    def after(self, older: News) -> None:
        """Take over what an older entry says and this one does not."""
        self.failures += older.failures
        if not self.failure:
            self.failure, self.failed_at, self.failed_from = (
                older.failure,
                older.failed_at,
                older.failed_from,
            )
        if not self.ended:
            self.ended, self.ended_at = older.ended, older.ended_at
        if self.is_open is None:
            self.is_open, self.connection = older.is_open, older.connection


class Attendance:
    """The news of one worker's terminals."""

    def __init__(self) -> None:
        self._news: dict[int, News] = {}
        self._strangers: set[int] = set()
        self._strangers_since = 0.0

    def __len__(self) -> int:
        return len(self._news)

    def present(self, connection: Connection) -> None:
        """A terminal has authenticated, or is still there."""
        if connection.number:
            news = self._of(connection.number)
            news.is_open, news.connection = True, connection

    def gone(self, connection: Connection, reason: str) -> None:
        """Its connection has ended."""
        if connection.number:
            news = self._of(connection.number)
            news.is_open, news.connection = False, connection
            news.ended, news.ended_at = reason, trio.current_time()

    def failed(self, terminal: int, cause: str, source: str, *, is_known: bool) -> None:
        """Somebody who proved or only claimed a terminal's number was not let in, or broke the rules."""
        now = trio.current_time()
        if not terminal or not (is_known or self._has_room_for(terminal, now)):
            return
        news = self._of(terminal)
        news.failure, news.failed_at, news.failed_from = cause, now, source
        news.failures += 1

    def take(self, most: int) -> dict[int, News]:
        """Return the news of so many terminals, the oldest first; they are no news any more."""
        taken = dict(list(self._news.items())[:most]) if len(self._news) > most else self._news
        self._news = {} if taken is self._news else dict(list(self._news.items())[most:])
        return taken

    def give_back(self, taken: dict[int, News]) -> None:
        """What was taken could not be written down: it is news still, beside what has come since."""
        since, self._news = self._news, taken
        for terminal, news in since.items():
            if older := taken.get(terminal):
                news.after(older)
            taken[terminal] = news

    def _of(self, terminal: int) -> News:
        news = self._news.get(terminal)
        if news is None:
            news = self._news[terminal] = News()
        return news

    def _has_room_for(self, stranger: int, now: float) -> bool:
        if now - self._strangers_since >= STRANGERS_S:
            self._strangers_since = now
            self._strangers.clear()
        if stranger not in self._strangers and len(self._strangers) >= STRANGERS_MAX:
            return False
        self._strangers.add(stranger)
        return True
