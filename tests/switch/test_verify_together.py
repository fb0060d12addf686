"""Questions whether benefits hold, put to the ledger together: each gets its own reply, of its own moment."""

from typing import cast

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock, wait_all_tasks_blocked

from ledger.books.posting import NO_LIMIT, QuotaLeg
from protocol import Received, Reply, ResultCode, Verify, VerifyReply, encode_request
from switch.config import Config
from switch.flow.connection import Connection
from switch.flow.question import Asked, Desk
from switch.flow.verify import LEGS_MAX, TOGETHER_MAX, Verifier
from switch.rules.cards import Card, HeldCard
from switch.rules.decide import Moment
from switch.rules.directory import Programme, Terminal
from switch.rules.versions import Version
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.switch.offers import ONCE_A_DAY
from tests.switch.test_benefit_decisions import ADULT, NOW_MS, held, here, shop
from tests.switch.test_cities import ZGIERZ, partner_in
from tests.switch.tills import till

FREE, LIMITED = 3, 9
WAIT_S = Config().question_s


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
        self.reads: list[list[QuotaLeg]] = []
        self.go = trio.Semaphore(0)
        self.left: dict[int, int] = {}
        """By account."""
        self.cards: dict[str, Card | int] = {}
        self.replies: dict[int, VerifyReply] = {}
        """By STAN, in the order told."""
        self.gone: list[int] = []
        self.unread: set[int] = set()
        """Accounts whose server is lost."""
        self.verifier = Verifier(
            Desk(nursery, self._moment, self._find_card, self._take), self._uses_left, WAIT_S
        )

    def _moment(self) -> Moment:
        return Moment(self.now_ms, self.is_stale)

    def _find_card(self, _: Programme, text: str) -> tuple[Card | int, int]:
        return self.cards.get(text, int(ResultCode.CARD_UNKNOWN)), 0

    async def _uses_left(self, legs: list[QuotaLeg]) -> dict[QuotaLeg, int]:
        self.reads.append(legs)
        await self.go.acquire()
        read = [leg for leg in legs if leg.owner not in self.unread]
        return {leg: self.left.get(leg.owner, leg.uses_allowed) for leg in read}

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
        asked = Asked(cast(Connection, peer), received, trio.current_time())
        if reply := self.verifier.submit_nowait(asked, self._moment()):
            self._take([(asked, reply)])
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
        await wait_all_tasks_blocked()
        assert [[leg.owner for leg in read] for read in room.reads] == [[8]]
        assert room.verifier.waiting == 9
        for _ in range(2):
            room.go.release()
        await room.answered(10)
        assert [leg.owner for leg in room.reads[1]] == [8 * stan for stan in range(2, 11)]
        assert (len(room.reads), room.verifier.waiting) == (2, 0)
    for stan in range(1, 11):
        reply = room.replies[stan]
        assert (reply.code, reply.stan) == (0, stan)
        told = {offer: left for offer, left, _ in reply.benefits}
        assert told == {FREE: NO_LIMIT, LIMITED: stan % 3} if stan % 3 else told == {FREE: NO_LIMIT}


async def test_what_needs_no_read_waits_for_none() -> None:
    """An unknown card, and one whose benefits have no limit, are answered while a read hangs."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.ask(1, 8)
        await wait_all_tasks_blocked()
        room.ask(2)
        room.ask(3, 8, peer=Peer(shop(ZGIERZ, here(FREE))))
        assert {stan: reply.code for stan, reply in room.replies.items()} == {
            2: ResultCode.CARD_UNKNOWN,
            3: 0,
        }
        assert len(room.reads) == 1
        room.go.release()


async def test_of_very_many_so_many_are_read_at_a_time() -> None:
    """A read is bounded; all of one terminal are answered, in the order asked."""
    asked = 2 * TOGETHER_MAX + 1
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        for stan in range(1, asked + 1):
            room.ask(stan, 8)
            room.go.release()
        await room.answered(asked)
    assert [len(read) for read in room.reads] == [TOGETHER_MAX, TOGETHER_MAX, 1]
    assert list(room.replies) == list(range(1, asked + 1))


async def test_a_read_is_bounded_by_its_limits_too() -> None:
    """Many limits a question: few questions a read."""
    offers = [here(number, limits=[ONCE_A_DAY]) for number in range(1, 33)]
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        peer = Peer(shop(ZGIERZ, *offers))
        for stan in range(1, 41):
            room.ask(stan, 8, peer=peer)
            room.go.release()
        await room.answered(40)
    assert max(map(len, room.reads)) <= LEGS_MAX + 32
    assert sum(map(len, room.reads)) == 40 * 32


async def test_a_terminal_that_asks_much_has_its_turn_and_no_more() -> None:
    """One has three hundred waiting: another's two are in the next read, whenever they come."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        for stan in range(1, 301):
            room.ask(stan, 8)
        await wait_all_tasks_blocked()
        other = Peer(till(room.terminal.partner, number=71))
        for stan in (1001, 1002):
            room.ask(stan, 16, peer=other)
        for _ in range(2):
            room.go.release()
        await room.answered(2 * TOGETHER_MAX)
        assert [leg.owner for leg in room.reads[1]].count(16) == 2
        assert {1001, 1002} <= room.replies.keys()
        for _ in range(2):
            room.go.release()


async def test_a_question_is_of_the_moment_it_came(mock_clock: MockClock) -> None:
    """Decided, dated and printed as it comes, whatever becomes in force while others are read."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.ask(1, 8)
        await wait_all_tasks_blocked()
        room.ask(2, 16)
        room.now_ms += 86_400_000
        room.cards["16"] = HeldCard(16, ZGIERZ.programme.number, 1, held=held(ADULT))
        programme = room.terminal.partner.programme
        assert ZGIERZ.receipt.pl is not None
        renamed = replace(ZGIERZ.receipt, pl=replace(ZGIERZ.receipt.pl, header=["Nowa"]))
        programme.add_version(Version.of(2, room.now_ms, replace(ZGIERZ, receipt=renamed)))
        programme.choose_version(room.now_ms)
        room.ask(3, 24)
        for _ in range(2):
            room.go.release()
        await room.answered(3)
    assert [reply.code for reply in room.replies.values()] == [0, 0, 0]
    assert [reply.server_time_ms - NOW_MS for reply in room.replies.values()] == [0, 0, 86_400_000]
    assert ["Nowa" in reply.receipt for reply in room.replies.values()] == [False, False, True]
    first, second, third = (leg.period for read in room.reads for leg in read)
    assert (second, third) == (first, first + 1)


async def test_what_cannot_be_read_leaves_open_no_more_than_it_was_to_say() -> None:
    """Of three in one read one lies on a server that is lost: it alone is told to try again."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.unread = {16}
        for stan in (1, 2, 3):
            room.ask(stan, 8 * stan)
        room.go.release()
        await room.answered(3)
    assert [reply.code for reply in room.replies.values()] == [0, ResultCode.TRY_AGAIN, 0]
    undecided = room.replies[2]
    assert (undecided.benefits, undecided.benefits_next, undecided.checks) == ([], 0, 0)


async def test_who_has_waited_long_is_told_to_try_again_and_not_read_for(mock_clock: MockClock) -> None:
    """A read hangs: whose turn comes too late to be answered in time is not read for."""
    async with trio.open_nursery() as nursery:
        room = Room(nursery)
        room.ask(1, 8)
        await wait_all_tasks_blocked()
        room.ask(2, 16)
        mock_clock.jump(WAIT_S / 2)
        room.ask(3, 24)
        mock_clock.jump(WAIT_S * 0.75)
        for _ in range(2):
            room.go.release()
        await room.answered(3)
    assert {stan: reply.code for stan, reply in room.replies.items()} == {1: 0, 2: ResultCode.TRY_AGAIN, 3: 0}
    assert [[leg.owner for leg in read] for read in room.reads] == [[8], [24]]


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
