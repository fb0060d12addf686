"""The whole life of a transaction: request -> decision -> posting -> outcome -> reply.

Read from top to bottom. `Flow.receive` takes verified requests from a connection and never waits: it looks up
the operation (operations.py), decides from memory (rules/decide) and hands a posting to the committer.
`Flow.on_outcomes` gets a committed batch and writes the replies to their connections. Nothing is answered as
done before its commit (ARCHITECTURE.md, "The life of a transaction"). Must not know bytes (the session does),
SQL, nor one operation from another. Invariant: every request counted into `in_flight` is counted out exactly
once, whatever becomes of its connection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import trio

from ledger.books.posting import NO_DIGITS, NOT_JOURNALLED, Outcome, Posting, no_effect
from protocol import (
    CardNumberError,
    Received,
    Reply,
    ResultClass,
    ResultCode,
    parse_card,
    read_card,
    request_digest,
)
from switch.config import Config
from switch.flow.connection import Connection, Connections
from switch.flow.inquirer import Inquirer
from switch.flow.operations import OPERATIONS, Operation
from switch.flow.overload import Overload
from switch.flow.question import Asked, Desk, Question
from switch.flow.replies import RulesUnknown, acknowledge
from switch.flow.verify import UsesLeft, Verifier
from switch.logs import log_transaction
from switch.metrics import Meters
from switch.rules.cards import Card
from switch.rules.decide import Decide, Decision, Moment, postpone
from switch.rules.directory import Directory, Programme

APPROVED, TRY_AGAIN = int(ResultCode.APPROVED), int(ResultCode.TRY_AGAIN)
UNDECIDED = frozenset(int(code) for code in ResultCode if code.result_class is ResultClass.RETRY)
"""What is refused for now only is kept nowhere: the same request may come again and be decided."""

UNPOSTED = 1.0
"""Units of an allowance: what is refused from memory and kept nowhere is paced by no batch."""


class Ledger(msgspec.Struct, frozen=True):
    """What the flow needs of the ledger: where postings go, and the questions that have their own query."""

    submit_nowait: Callable[[Posting], None]
    is_behind: Callable[[], bool]
    answer_inquiry: Callable[[Question], Awaitable[Reply]]
    uses_left: UsesLeft


class Pending(msgspec.Struct, frozen=True, gc=False):
    """What the reply needs to know of its request; travels through the ledger as the posting's context.

    `account` is the one counted as in flight, 0 for none.
    """

    connection: Connection
    request_type: int
    message: str
    operation: Operation
    programme: Programme
    account: int


class Round(msgspec.Struct, frozen=True, gc=False):
    """What all requests of one round of the pump have in common: `now` is trio's clock, in seconds."""

    now: float
    at: Moment
    is_behind: bool


class Flow:
    """The transactions of one worker. `clock_ms`, the switch's wall clock, orders and dates everything."""

    def __init__(
        self,
        *,
        config: Config,
        directory: Directory,
        connections: Connections,
        meters: Meters,
        ledger: Ledger,
        clock_ms: Callable[[], int],
        feed_is_stale: Callable[[], bool],
        nursery: trio.Nursery,
    ) -> None:
        self._config = config
        self._directory = directory
        self._connections = connections
        self._meters = meters
        self._ledger = ledger
        self._clock_ms = clock_ms
        self._feed_is_stale = feed_is_stale
        self._room = trio.Event()
        self._idle = trio.Event()
        desk = Desk(nursery, self._moment, self._find_card, self._on_replies)
        self._inquirer = Inquirer(desk, ledger.answer_inquiry)
        self._verifier = Verifier(desk, ledger.uses_left, config.question_s)
        self._in_flight_max = config.in_flight_max
        self.room = config.in_flight_max
        """How many more requests may be taken for now; below 0 none."""
        self._round = Round(float("nan"), Moment(0), is_behind=False)
        self._sealed: defaultdict[Connection, list[bytes]] = defaultdict(list)
        """What was sealed for each connection since the last flush, in that order."""
        self._overload = Overload(
            in_flight_max=config.in_flight_max,
            per_card_max=config.in_flight_per_card_max,
            shed_after_s=config.shed_after_ms / 1_000,
            batch_max=config.batch_max,
            now=trio.current_time(),
        )

    # Requests in.

    def receive(self, connection: Connection, requests: list[Received], now: float) -> float:
        """Take the verified requests of one read; `now` is trio's clock in seconds. Never waits.

        Returns the price of those that no batch paces, in units of an allowance.
        """
        common = self._round
        if now is not common.now:  # the pump hands all reads of a round the same
            common = self._begin_round(now)
        count = len(requests)
        self.room -= count
        connection.in_flight += count
        connection.allowance.in_flight += count
        units = 0.0
        for request in requests:
            operation = OPERATIONS[request.message.__class__]  # type: ignore[index]
            if operation.decide is not None:
                units += self._transact(connection, request, operation, operation.decide, common)
                continue
            units += operation.price
            if operation.asks_together:
                verified = self._verifier.submit_nowait(Asked(connection, request, now), common.at)
                if verified is not None:
                    self._answer_plainly(connection, request, verified, now)
            elif operation.asks_ledger:
                operation.on_arrival(connection, request.message)
                self._inquirer.submit_nowait(Asked(connection, request, now))
            else:
                reply = acknowledge(request.message, common.at.now_ms)  # type: ignore[arg-type]
                self._answer_plainly(connection, request, reply, now)
        if self._sealed:
            self._flush(now)
        return units

    def _begin_round(self, now: float) -> Round:
        now_ms = self._clock_ms()
        self._directory.keep_time(now_ms)
        at = Moment(now_ms, self._feed_is_stale(), self._directory.is_clock_right(now_ms))
        is_behind = self._overload.is_crowded(self.in_flight, now) or self._ledger.is_behind()
        self._round = Round(now, at, is_behind)
        return self._round

    @property
    def in_flight(self) -> int:
        """Requests taken and not answered."""
        return self._in_flight_max - self.room

    @property
    def inquiries(self) -> int:
        """Questions being put to Postgres."""
        return self._inquirer.in_flight

    @property
    def verifies_waiting(self) -> int:
        """VERIFYs whose turn to be read has not come."""
        return self._verifier.waiting

    @property
    def full(self) -> bool:
        """True when no more requests may be read for now."""
        return self.room <= 0

    async def wait_room(self) -> None:
        """Wait until there is room for more requests."""
        while self.full:
            if self._room.is_set():
                self._room = trio.Event()
            await self._room.wait()

    async def wait_idle(self) -> None:
        """Wait until every request taken has been answered."""
        while self.in_flight:
            self._idle = trio.Event()
            await self._idle.wait()

    def _transact(
        self, connection: Connection, request: Received, operation: Operation, decide: Decide, common: Round
    ) -> float:
        """Decide, and post what was decided; or, where there is too much to do, refuse it for now.

        Declines are posted too, so that such an id never posts later. Returns the price of what is not.
        """
        message: Any = request.message
        at = common.at
        terminal = connection.terminal or connection.terminal_of(request)
        partner = terminal.partner
        programme = partner.programme
        card, last4 = self._find_card(programme, message.card)
        # Of another programme's card nothing is told, not even its points.
        account = card.account if isinstance(card, Card) and card.programme == programme.number else 0
        pending = Pending(connection, request.type, message.__class__.__name__, operation, programme, account)
        overload = self._overload
        postponed = APPROVED
        if operation.is_new_business:
            if (common.is_behind and overload.take_refusal()) or account in overload.hot:
                self._shed(pending, message.stan, last4, at)
                return 0.0
            postponed = postpone(partner, card, at)
        decision = Decision(postponed) if postponed else decide(message, terminal, card, at)
        posting = Posting(
            0,  # its id comes with its batch
            terminal.number,
            message.stan,
            operation.kind,
            decision.account or account,
            decision.counter_account,
            decision.points,
            decision.amount_grosze,
            request_digest(request.type, request.body),
            decision.code,
            decision.original_stan,
            decision.rules_version or programme.current.number,
            at.now_ms,
            message.terminal_time,
            last4,
            self._directory.number,
            decision.step_grosze,
            message.entry,
            connection.language,
            # More arguments by name, and Python makes a dictionary of them first: 0.7 us a request.
            context=pending,
            submitted_at=common.now,
        )
        if (more := decision.more) is not None:
            posting.offer, posting.discount_grosze = more.offer, more.discount_grosze
            posting.confirmed, posting.checks = more.confirmed, more.checks
            posting.quotas = more.quotas
            posting.original_terminal, posting.may_go_below = more.original_terminal, more.may_go_below
            posting.tier, posting.basis = more.tier, more.basis
        if decision.code and (
            operation.kind in NOT_JOURNALLED or (decision.code in UNDECIDED and at.is_stale)
        ):
            self._meters.request_s.add(0.0)
            self._answer_transaction(posting, no_effect(posting, decision.code), pending)
            return UNPOSTED
        overload.enter(account)
        self._ledger.submit_nowait(posting)
        return 0.0

    def _find_card(self, programme: Programme, text: str) -> tuple[Card | int, int]:
        """Return the card, or the result code that says why there is none, and the last four digits.

        What the registry knows is a card number; its check digit need not be computed again.
        """
        directory = self._directory
        try:
            digits = text if text.isascii() and text.isdigit() else read_card(text)
            card = directory.find_card(programme, digits)
            if card is not None:
                return card, int(digits[-4:])
            parse_card(digits)
        except CardNumberError:
            return int(ResultCode.CARD_NUMBER_INVALID), NO_DIGITS
        is_elsewhere = directory.is_elsewhere(programme, digits)
        code = int(ResultCode.CARD_OTHER_PROGRAMME if is_elsewhere else ResultCode.CARD_UNKNOWN)
        return code, int(digits[-4:])

    def _shed(self, pending: Pending, stan: int, last4: int, at: Moment) -> None:
        """Tell one request to try again, as cheaply as can be: nothing of it is kept or logged."""
        operation = pending.operation
        outcome = Outcome(
            code=TRY_AGAIN,
            transaction_id=0,
            points=0,
            balance=0,
            amount_grosze=0,
            accepted_at_ms=at.now_ms,
            rules_version=pending.programme.current.number,
            kind=operation.kind,
            counter_account=0,
            original_stan=0,
            last4=last4,
            replayed=False,
            language=pending.connection.language,
        )
        self._meters.requests_shed += 1
        self._meters.replies[pending.message, TRY_AGAIN] += 1
        reply = operation.reply(stan, outcome, pending.programme)
        self._answer(pending.connection, reply, pending.request_type)

    # Replies out.

    def on_outcomes(self, outcomes: list[tuple[Posting, Outcome]]) -> None:
        """Answer a batch that has been committed (or refused): write each reply to its connection."""
        overload = self._overload
        overload.note_served(len(outcomes))
        now = trio.current_time()
        self._meters.request_s.add_all([now - posting.submitted_at for posting, _ in outcomes])
        for posting, outcome in outcomes:
            pending: Pending = posting.context  # type: ignore[assignment]
            overload.leave(pending.account)
            self._answer_transaction(posting, outcome, pending)
        self._flush(now)

    def _answer_transaction(self, posting: Posting, outcome: Outcome, pending: Pending) -> None:
        if outcome.last4 < 0:
            outcome.last4 = posting.last4  # a tombstone has none; the request whose place it took has
        operation = pending.operation
        try:
            reply = operation.reply(posting.stan, outcome, pending.programme)
        except RulesUnknown:
            outcome = no_effect(posting, TRY_AGAIN)
            reply = operation.reply(posting.stan, outcome, pending.programme)
        meters = self._meters
        meters.replies[pending.message, outcome.code] += 1
        if outcome.replayed:
            meters.replays += 1
        elif operation.is_advice and not outcome.code:
            meters.advice_age_s.add(max(0.0, outcome.accepted_at_ms / 1_000 - posting.terminal_time))
        log_transaction(posting, outcome, pending.message)
        self._answer(pending.connection, reply, pending.request_type)

    def _answer(self, connection: Connection, reply: Reply, request_type: int) -> None:
        """Seal one reply; the next flush writes it and counts its request out."""
        if connection.closed:
            self._drop(connection)
        else:
            self._sealed[connection].append(connection.session.seal(reply, request_type))

    def _flush(self, now: float) -> None:
        """Write what was sealed, and tell who waits for room or for the end of the work."""
        sealed, self._sealed = self._sealed, defaultdict(list)
        for connection, frames in sealed.items():
            self.room += len(frames)
            connection.outbox += b"".join(frames)
            self._connections.answered(connection, len(frames))
        self._connections.flush(sealed, now)
        if self.room > 0:
            self._room.set()
        if self.room == self._in_flight_max:
            self._idle.set()

    # Requests that no posting answers.

    def _moment(self) -> Moment:
        """When it is for a question whose turn has come."""
        return self._begin_round(trio.current_time()).at

    def _on_replies(self, replies: list[tuple[Asked, Reply | None]]) -> None:
        """Answer questions; None: nobody waits for it any more."""
        for (connection, request, received_at), reply in replies:
            if reply is None:
                self._drop(connection)
            else:
                self._answer_plainly(connection, request, reply, received_at)
        self._flush(trio.current_time())

    def _drop(self, connection: Connection) -> None:
        """Count a request out that nobody waits for."""
        self.room += 1
        self._connections.answered(connection, 1)
        self._meters.replies_dropped += 1

    def _answer_plainly(
        self, connection: Connection, request: Received, reply: Reply, received_at: float
    ) -> None:
        self._meters.replies[type(request.message).__name__, reply.code] += 1
        self._meters.request_s.add(trio.current_time() - received_at)
        self._answer(connection, reply, request.type)
