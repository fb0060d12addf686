"""The sender of notices: reads the outbox, looks up whom to tell, sends, takes down what became of it.

Owns the turns and what is done when sending fails. Must not write SQL nor know a wire. Invariants: a notice
is sent by one process at a time, and marked as sent before the next is begun, so a restart repeats at most
the one whose answer was on its way, under the same Message-ID; one address that is not taken keeps no other
waiting; a server that is away costs no notice a try; a log line names programme, event and channel, and
nothing of a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import structlog
import trio

from ledger.errors import DatabaseMisconfigured, LedgerError
from ledger.postgres.database import Connection, Database
from ledger.postgres.session import Session
from ledger.registry.contact import email_address, phone_number
from ledger.registry.notices import (
    Due,
    Fate,
    NoticeState,
    be_the_one,
    due_notices,
    notice_again,
    notice_done,
    take_events,
)
from ledger.registry.programmes import list_programmes
from ops.notices.channels import Channel, ChannelDown, Message, NotTaken
from ops.notices.words import KINDS, LANGUAGES, LETTER, Facts, Text, render

log = structlog.get_logger()

POLL_S: Final = 2.0
AGAIN_S: Final = 60.0
AGAIN_S_MAX: Final = 6 * 3_600.0
TRIES_MAX: Final = 14
"""After a minute, two, four, … six hours: about two and a half days."""
DOWN_S: Final = 2.0
DOWN_S_MAX: Final = 300.0


@dataclass
class Turn:
    """What one turn did."""

    read: int = 0
    sent: int = 0
    again: int = 0
    given_up: int = 0
    by_hand: int = 0

    def count(self, state: NoticeState) -> None:
        """Count what became of a notice for good."""
        self.sent += state is NoticeState.SENT
        self.given_up += state is NoticeState.GIVEN_UP
        self.by_hand += state is NoticeState.BY_HAND


class Addressee(NamedTuple):
    """Whom a notice goes to: `channel` as the holder chose it, "" for none chosen."""

    name: str
    phone: str
    email: str
    channel: str
    pickup: str = ""
    letter: Callable[[str], Text] | None = None
    """Makes a desk's letter by the programme's name, where the event asks for one and it is still there."""


Lookup = Callable[[Connection, Due], Awaitable[Addressee | None]]
"""Finds whom a notice concerns; None where nobody is known (any more)."""


@dataclass(frozen=True)
class Route:
    """By which channel, and to which address."""

    channel: str
    to: str


@dataclass
class Sender:
    """Sends the notices of the programmes that its database shows: of all, or of one by that one's role.

    `channels`: by name, "email" and "sms"; what is not there is told by hand. `languages`: in which an e-mail
    is written, one below the other; an SMS has the first.
    """

    database: Database
    lookup: Lookup
    channels: Mapping[str, Channel]
    languages: tuple[str, ...] = LANGUAGES
    page: str = ""
    only: int | None = None
    """The one programme to serve; None: all there are."""
    _sessions: dict[int, Session] = field(default_factory=dict)

    async def run(self) -> None:
        """Send for ever. A database or a server that is away is waited for."""
        down_s = DOWN_S
        while True:
            try:
                turn = await self.turn()
                down_s = DOWN_S
                if not (turn.read or turn.sent):
                    await trio.sleep(POLL_S)
            except (ChannelDown, LedgerError) as error:
                if isinstance(error, DatabaseMisconfigured):
                    raise
                problem = error.code if isinstance(error, ChannelDown) else str(error)
                log.warning("notices_wait", problem=problem, seconds=down_s)
                await trio.sleep(down_s)
                down_s = min(2 * down_s, DOWN_S_MAX)

    async def turn(self) -> Turn:
        """Read what is new and send what is due, of every programme. Raises ChannelDown or a LedgerError."""
        turn = Turn()
        down: ChannelDown | None = None
        try:
            for programme in await self.database.run(list_programmes):
                if self.only not in (None, programme["id"]):
                    continue
                try:
                    await self._turn_of(programme["id"], programme["name"], turn)
                except ChannelDown as error:
                    down = error
        finally:
            with trio.CancelScope(shield=True):
                for channel in self.channels.values():
                    await channel.close()
        if down is not None:
            raise down
        return turn

    async def _turn_of(self, programme: int, name: str, turn: Turn) -> None:
        session = self._sessions.setdefault(programme, self.database.session())

        async def begin(connection: Connection) -> tuple[int, list[Due]] | None:
            if "elected" not in session.state:
                if not await be_the_one(connection, programme):
                    return None
                session.state["elected"] = True
            return await take_events(connection, programme, KINDS), await due_notices(connection, programme)

        begun = await session.run(begin)
        if begun is None:
            return
        turn.read += begun[0]
        down: dict[str, ChannelDown] = {}
        for due in begun[1]:
            await self._tell(session, due, name, turn, down)
        if down:
            raise next(iter(down.values()))

    async def _tell(
        self, session: Session, due: Due, programme: str, turn: Turn, down: dict[str, ChannelDown]
    ) -> None:
        person = await session.run(lambda c: self.lookup(c, due))
        route = self._route(person, due.kind)
        if person is None or isinstance(route, str):
            await self._done(session, due, turn, Fate(NoticeState.BY_HAND, why=str(route)))
        elif route.channel not in down:
            try:
                message = self._message(due, person, programme, route)
                await self.channels[route.channel].send(message)
            except ValueError:
                await self._done(
                    session, due, turn, Fate(NoticeState.GIVEN_UP, route.channel, "nothing to say")
                )
            except ChannelDown as error:
                down[route.channel] = error
            except NotTaken as error:
                await self._not_taken(session, due, turn, route.channel, error)
            else:
                # What was taken is marked, also by whoever is being ended: nobody is told twice.
                with trio.CancelScope(shield=True):
                    await self._done(session, due, turn, Fate(NoticeState.SENT, route.channel))

    async def _not_taken(self, session: Session, due: Due, turn: Turn, channel: str, error: NotTaken) -> None:
        code = error.code
        if error.for_good or due.tries + 1 >= TRIES_MAX:
            await self._done(session, due, turn, Fate(NoticeState.GIVEN_UP, channel, code))
            return
        wait_s = min(AGAIN_S * 2**due.tries, AGAIN_S_MAX)
        await session.run(lambda c: notice_again(c, due, channel, code, wait_s))
        turn.again += 1

    async def _done(self, session: Session, due: Due, turn: Turn, fate: Fate) -> None:
        await session.run(lambda c: notice_done(c, due, fate))
        turn.count(fate.state)
        log.info(
            "notice_done",
            programme=due.programme,
            number=due.event,
            kind=due.kind,
            state=fate.state.name.lower(),
            channel=fate.channel,
            why=fate.why,
        )

    def _route(self, person: Addressee | None, kind: str) -> Route | str:
        """Return how somebody is told, or why only a person can (Żywiec § 3; Zgierz § 12)."""
        if person is None:
            return "nobody known"
        if kind == LETTER:  # asked for by e-mail, whatever was chosen for notices
            route = Route("email", email_address(person.email))
        elif person.channel == "phone":
            return "by telephone"
        elif person.channel == "sms":
            route = Route("sms", phone_number(person.phone))
        else:
            route = Route("email", email_address(person.email))
        if not route.to:
            return "no address"
        return route if route.channel in self.channels else f"no {route.channel} here"

    def _message(self, due: Due, person: Addressee, programme: str, route: Route) -> Message:
        name = f"notice-{due.programme}-{due.event}"
        if due.kind == LETTER:
            if person.letter is None:
                raise ValueError("no letter is there any more")
            letter = person.letter(programme)
            return Message(name, route.to, letter.subject, letter.body)
        facts = Facts(programme, person.name, person.pickup, self.page)
        texts: list[Text] = [render(due.kind, due.data, facts, each) for each in self.languages]
        if route.channel == "sms":
            return Message(name, route.to, "", texts[0].sms)
        body = "\n\n--\n\n".join(text.body for text in texts)
        return Message(name, route.to, texts[0].subject, body + "\n")
