"""E-mail to people, as the pages send it, by the way that notices go.

Owns how a page's letter becomes a message, and its way: at once, for who waits to be told, or out of the
request, so that no answer says by its time whether a letter went. Must not know what is told, nor by which
way it goes. Invariants: a letter that could not be sent raises `MailFailed`, or leaves a line in the log;
nothing of it is logged, and none is kept but in memory; no posted letter ends the site.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
import trio

from ledger.registry.contact import email_address
from ops.notices.channels import Channel, ChannelDown, Message, NotTaken
from switch.metrics import office_catalogue as of
from switch.metrics.scrape import NONE, Family

AT_A_TIME: Final = 4
"""So many letters are on their way at once; another one waits for its turn."""
POSTED_MAX: Final = 1_000
"""So many are sent out of their requests, and not gone yet."""
AGAIN_S: Final = (0.0, 30.0, 300.0)
"""After so long each a posted letter is tried, and then given up: whoever misses it asks for another."""
END_S_MAX: Final = 5.0
"""So long the end of the site waits for letters that are on their way."""

log = structlog.get_logger()


class MailFailed(Exception):
    """The letter was not sent."""


class Mail:
    """What sends a page's letters: each by a way of its own, for a person waits for it."""

    def __init__(self, way: Callable[[], Channel]) -> None:
        self._way = way
        self._turn = trio.CapacityLimiter(AT_A_TIME)
        self._nursery: trio.Nursery | None = None
        self._posted = 0
        self._not_sent = 0
        self._all_gone = trio.Event()

    def families(self) -> Iterator[Family]:
        """Return the count of posted letters that were given up, as it is exposed."""
        yield Family(of.LETTERS_NOT_SENT, {NONE: self._not_sent})

    async def send(self, to: str, subject: str, text: str) -> None:
        """Send a letter, and wait until it is taken. Raises MailFailed."""
        await self._send(_message(to, subject, text))

    @property
    def takes_more(self) -> bool:
        """Whether a letter can be posted."""
        return self._nursery is not None and self._posted < POSTED_MAX

    def post(self, to: str, subject: str, text: str) -> None:
        """Let a letter go out of the request; it is given up at once unless `takes_more`."""
        if self._nursery is None or not self.takes_more:
            self._given_up("too many wait" if self._nursery else "the site ended")
            return
        if not self._posted:
            self._all_gone = trio.Event()
        self._posted += 1
        self._nursery.start_soon(self._deliver, to, subject, text)

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Let posted letters go for as long as the block lasts."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                yield
            finally:
                self._nursery = None
                with trio.move_on_after(END_S_MAX, shield=True):
                    await self.settled()
                nursery.cancel_scope.cancel()

    async def settled(self) -> None:
        """Wait until no posted letter is on its way."""
        if self._posted:
            await self._all_gone.wait()

    async def _deliver(self, to: str, subject: str, text: str) -> None:
        try:
            await self._send_again(_message(to, subject, text))
        except MailFailed as failed:
            self._given_up(str(failed))
        except trio.Cancelled:
            self._given_up("the site ended")
            raise
        except Exception as error:  # a task's boundary: its nursery is the site's
            self._given_up(type(error).__name__)  # not its text, which may repeat the letter
        finally:
            self._posted -= 1
            if not self._posted:
                self._all_gone.set()

    def _given_up(self, problem: str) -> None:
        self._not_sent += 1
        log.warning("letter_not_sent", problem=problem)

    async def _send_again(self, message: Message) -> None:
        for wait_s in AGAIN_S:
            await trio.sleep(wait_s)
            try:
                await self._send(message)
            except MailFailed:
                if wait_s == AGAIN_S[-1]:
                    raise
            else:
                return

    async def _send(self, message: Message) -> None:
        channel = self._way()
        try:
            async with self._turn:
                await channel.send(message)
        except (NotTaken, ChannelDown) as error:
            raise MailFailed(error.code) from None
        finally:
            with trio.CancelScope(shield=True):
                await channel.close()


def _message(to: str, subject: str, text: str) -> Message:
    address = email_address(to)
    if not address:
        raise MailFailed("no address")
    return Message(f"letter-{secrets.token_hex(8)}", address, subject, text)
