"""Questions whether benefits hold, put to the ledger together: each gets its own reply, of its own moment."""

from collections.abc import Sequence
from typing import cast

import pytest
import trio
from msgspec.structs import replace
from trio.testing import wait_all_tasks_blocked

from ledger.books.posting import NO_LIMIT, QuotaLeg
from ledger.errors import DatabaseUnavailable
from protocol import Received, Reply, ResultCode, Verify, VerifyReply, encode_request
from switch.flow.connection import Connection
from switch.flow.question import Asked, Desk
from switch.flow.verify import TOGETHER_MAX, Verifier
from switch.rules.cards import Card, HeldCard
from switch.rules.decide import Moment
from switch.rules.directory import Programme, Terminal
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.switch.offers import ONCE_A_DAY
from tests.switch.test_benefit_decisions import ADULT, NOW_MS, held, here, shop
from tests.switch.test_cities import ZGIERZ, partner_in
from tests.switch.tills import till

FREE, LIMITED = 3, 9


class Peer:
    """A connection, as far as a question knows it."""

    language = 0

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.closed = False

    def terminal_of(self, _: Received) -> Terminal:
        return self._terminal


class Room:
    """A verifier, its clock, a ledger that answers when told to, and what came of it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.terminal = shop(ZGIERZ, here(FREE), here(LIMITED, limits=[ONCE_A_DAY]))
        self.now_ms = NOW_MS
        self.is_stale = False
        self.reads: list[Sequence[QuotaLeg]] = []
        self.go = trio.Semaphore(0)
        self.left: dict[int, int] = {}
        """By account."""
        self.is_away = False
        self.cards: dict[str, Card | int] = {}
        self.replies: dict[int, VerifyReply] = {}
        """By STAN, in the order told."""
        self.gone: list[int] = []
        desk = Desk(nursery, lambda: Moment(self.now_ms, self.is_stale), self._find_card, self._take)
        self.verifier = Verifier(desk, self._uses_left)

    def _find_card(self, _: Programme, text: str) -> tuple[Card | int, int]:
        return self.cards.get(text, int(ResultCode.CARD_UNKNOWN)), 0

    async def _uses_left(self, legs: Sequence[QuotaLeg]) -> list[int]:
        self.reads.append(legs)
        await self.go.acquire()
        if self.is_away:
            raise DatabaseUnavailable("away")
        return [self.left.get(leg.owner, leg.uses_allowed) for leg in legs]

    def _take(self, replies: list[tuple[Asked, Reply | None]]) -> None:
        for asked, reply in replies:
            if reply is None:
                self.gone.append(asked.request.message.stan)
            else:
                self.replies[asked.request.message.stan] = cast(VerifyReply, reply)

    def ask(self, stan: int, account: int = 0, *, peer: Peer | None = None) -> Peer:
        """Ask for a card of that account; of no account: one that is unknown."""
        if account:
            self.cards.setdefault(
                str(account), HeldCard(account, ZGIERZ.programme.number, 0, held=held(ADULT))
            )
        message = Verify(stan, 0, str(account), SWIPED, 0)
        peer = peer or Peer(self.terminal)
        received = Received(message, *encode_request(message))
        self.verifier.submit_nowait(Asked(cast(Connection, peer), received, trio.current_time()))
        return peer

    async def answered(self, count: int) -> None:
        """Wait until so many are done with."""
        with trio.fail_after(HANG_S):
            while len(self.replies) + len(self.gone) < count:
                await trio.lowlevel.checkpoint()


async def test_those_that_wait_are_read_together_and_each_is_told_its_own() -> None:
    """While one is read nine come; they are one read, and what is used up is listed for nobody else."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.left = {8 * stan: stan % 3 for stan in range(1, 11)}
        room.ask(1, 8)
        await wait_all_tasks_blocked()
        for stan in range(2, 11):
            room.ask(stan, 8 * stan)
        room.ask(11)
        await wait_all_tasks_blocked()
        assert [[leg.owner for leg in read] for read in room.reads] == [[8]]
        for _ in range(2):
            room.go.release()
        await room.answered(11)
        assert [leg.owner for leg in room.reads[1]] == [8 * stan for stan in range(2, 11)]
        assert len(room.reads) == 2
    for stan in range(1, 11):
        reply = room.replies[stan]
        assert (reply.code, reply.stan) == (0, stan)
        told = {offer: left for offer, left, _ in reply.benefits}
        assert told == {FREE: NO_LIMIT, LIMITED: stan % 3} if stan % 3 else told == {FREE: NO_LIMIT}
    unknown = room.replies[11]
    assert (unknown.code, unknown.benefits) == (ResultCode.CARD_UNKNOWN, [])


async def test_of_very_many_so_many_are_read_at_a_time() -> None:
    """A read is bounded; all are answered, in the order asked."""
    asked = 2 * TOGETHER_MAX + 1
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        for stan in range(1, asked + 1):
            room.ask(stan, 8)
            room.go.release()
        await room.answered(asked)
    assert [len(read) for read in room.reads] == [TOGETHER_MAX, TOGETHER_MAX, 1]
    assert list(room.replies) == list(range(1, asked + 1))


async def test_a_question_is_of_the_moment_when_its_turn_has_come() -> None:
    """A card that is blocked, and a day that ends, while others are read: told so, and dated then."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.ask(1, 8)
        await wait_all_tasks_blocked()
        for stan in (2, 3):
            room.ask(stan, 8 * stan)
        room.now_ms += 86_400_000
        room.cards["16"] = HeldCard(16, ZGIERZ.programme.number, 1, held=held(ADULT))
        for _ in range(2):
            room.go.release()
        await room.answered(3)
    assert {stan: reply.code for stan, reply in room.replies.items()} == {
        1: 0,
        2: ResultCode.CARD_BLOCKED,
        3: 0,
    }
    days = [leg.period for read in room.reads for leg in read]
    assert days == [days[0], days[0] + 1]
    assert [reply.server_time_ms - NOW_MS for reply in room.replies.values()] == [0, 86_400_000, 86_400_000]


async def test_a_ledger_that_is_away_leaves_open_what_it_was_to_say_and_no_more() -> None:
    """Who has a limit is told to try again; an unknown card is unknown; the next read is a new one."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.is_away = True
        room.go.release()
        room.ask(1, 8)
        room.ask(2)
        await room.answered(2)
        assert [reply.code for reply in room.replies.values()] == [
            ResultCode.TRY_AGAIN,
            ResultCode.CARD_UNKNOWN,
        ]
        undecided = room.replies[1]
        assert (undecided.benefits, undecided.benefits_next, undecided.checks) == ([], 0, 0)
        room.is_away = False
        room.go.release()
        room.ask(3, 8)
        await room.answered(3)
    assert room.replies[3].code == 0


async def test_who_has_gone_is_not_asked_for() -> None:
    """Closed before its turn: nothing is read for it; closed while it is read: answered all the same."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        first = room.ask(1, 8)
        await wait_all_tasks_blocked()
        second = room.ask(2, 16)
        room.ask(3, 24)
        first.closed = second.closed = True
        for _ in range(2):
            room.go.release()
        await room.answered(3)
    assert (room.gone, list(room.replies)) == ([2], [1, 3])
    assert [[leg.owner for leg in read] for read in room.reads] == [[8], [24]]


@pytest.mark.parametrize(
    ("is_stale", "code"), [(False, ResultCode.NOT_SUPPORTED), (True, ResultCode.FEED_STALE)]
)
async def test_a_programme_without_benefits_asks_nothing(is_stale: bool, code: ResultCode) -> None:
    """Points alone: not served, unless it is not known what is served."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.is_stale = is_stale
        room.ask(1, 8, peer=Peer(till(partner_in(replace(ZGIERZ, benefits=None)))))
        await room.answered(1)
    assert room.replies[1].code == code
    assert room.reads == []
