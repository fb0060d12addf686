"""The whole life of a transaction: request -> decision -> posting -> outcome -> reply.

Read from top to bottom. `Flow.receive` takes verified requests from a connection and never waits: it decides
from memory (decide.py) and hands a posting to the committer. `Flow.on_outcomes` gets a committed batch and
writes the replies to their connections. Nothing is answered as done before its commit (design.md, The flow).
Must not know bytes (the session does) nor SQL. Invariant: every request counted into `in_flight` is counted
out exactly once, whatever becomes of its connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import msgspec
import trio

from ledger.books.posting import Kind, Outcome, Posting, no_effect
from protocol import (
    Ack,
    Balance,
    CardNumberError,
    Earn,
    EarnAdvice,
    Echo,
    Received,
    Redeem,
    Reply,
    Request,
    ResultCode,
    Reversal,
    SignOff,
    SignOn,
    Status,
    Totals,
    parse_card,
    request_digest,
)
from switch.config import Config
from switch.flow.connection import Connection, Connections
from switch.flow.replies import Pending, reply_of, transaction_reply
from switch.logs import log_transaction
from switch.metrics import Meters
from switch.rules.calendar import Calendar
from switch.rules.decide import Decision, decide_balance, decide_earn, decide_redeem, decide_reference
from switch.rules.directory import Card, Directory, Terminal

EARN, EARN_ADVICE, REDEEM = int(Kind.EARN), int(Kind.EARN_ADVICE), int(Kind.REDEEM)
BALANCE, REVERSAL, STATUS = int(Kind.BALANCE), int(Kind.REVERSAL), int(Kind.STATUS)
NOT_JOURNALLED = frozenset({BALANCE, STATUS})
TRY_AGAIN = int(ResultCode.TRY_AGAIN)
NEW_BUSINESS = {Earn: EARN, EarnAdvice: EARN_ADVICE, Redeem: REDEEM, Balance: BALANCE}
"""What is refused for now while the ledger is behind; what settles an earlier request never is."""
SERVED_PER_REFUSAL = 5
"""A refusal has a price: refusing all that is too much left time for a third of the rest (ARCHITECTURE.md).
What is neither served nor refused waits, at last in its socket."""


class Ledger(msgspec.Struct, frozen=True):
    """What the flow needs of the ledger: where postings go, and the questions that have their own query."""

    submit_nowait: Callable[[Posting], None]
    is_behind: Callable[[], bool]
    next_id: Callable[[int], int]
    answer_inquiry: Callable[[SignOn | Totals, Terminal, int], Awaitable[Reply]]


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
        self._nursery = nursery
        self._calendar = Calendar(config.time_zone)
        self._room = trio.Event()
        self._idle = trio.Event()
        self.in_flight = 0
        self._ample_at = trio.current_time()
        self._served = 0
        self._shed_after_s = config.shed_after_ms / 1_000
        self._handlers: dict[type, Callable[[Connection, Received, int, float], None]] = {
            Earn: self._earn,
            EarnAdvice: self._earn,
            Redeem: self._redeem,
            Balance: self._balance,
            Reversal: self._refer,
            Status: self._refer,
            Echo: self._acknowledge,
            SignOff: self._acknowledge,
            SignOn: self._ask_ledger,
            Totals: self._ask_ledger,
        }

    # Requests in.

    def receive(self, connection: Connection, requests: list[Received], now: float) -> None:
        """Take the verified requests of one read; `now` is trio's clock in seconds. Never waits."""
        is_crowded = self._is_crowded(now)
        self._connections.taken(connection, len(requests))
        self.in_flight += len(requests)
        now_ms = self._clock_ms()
        if is_crowded or self._ledger.is_behind():
            requests = self._shed(connection, requests, now_ms, now)
        handlers = self._handlers
        for request in requests:
            handlers[request.message.__class__](connection, request, now_ms, now)

    def _is_crowded(self, now: float) -> bool:
        """Whether half of what may be in flight has been so for long: the rest waits unseen in sockets."""
        if 2 * self.in_flight < self._config.in_flight_max:
            self._ample_at = now
        return now - self._ample_at > self._shed_after_s

    @property
    def full(self) -> bool:
        """True when no more requests may be read for now."""
        return self.in_flight >= self._config.in_flight_max

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

    def _earn(self, connection: Connection, request: Received, now_ms: int, now: float) -> None:
        message = request.message
        assert isinstance(message, Earn | EarnAdvice)
        partner = connection.terminal_of(request).partner
        card, last4 = self._find_card(message.card)
        decision = decide_earn(partner, card, message.amount, self._calendar.day(now_ms))
        kind = EARN if message.__class__ is Earn else EARN_ADVICE
        self._post(
            connection,
            request,
            kind,
            decision,
            card=card,
            last4=last4,
            now_ms=now_ms,
            now=now,
            counter_account=partner.issued_account,
        )

    def _redeem(self, connection: Connection, request: Received, now_ms: int, now: float) -> None:
        message = request.message
        assert isinstance(message, Redeem)
        partner = connection.terminal_of(request).partner
        card, last4 = self._find_card(message.card)
        stale = self._feed_is_stale()
        decision = decide_redeem(partner, card, message.tier, self._calendar.day(now_ms), feed_stale=stale)
        self._post(
            connection,
            request,
            REDEEM,
            decision,
            card=card,
            last4=last4,
            now_ms=now_ms,
            now=now,
            counter_account=partner.redeemed_account,
        )

    def _balance(self, connection: Connection, request: Received, now_ms: int, now: float) -> None:
        message = request.message
        assert isinstance(message, Balance)
        card, last4 = self._find_card(message.card)
        decision = decide_balance(connection.terminal_of(request).partner, card, self._calendar.day(now_ms))
        self._post(connection, request, BALANCE, decision, card=card, last4=last4, now_ms=now_ms, now=now)

    def _refer(self, connection: Connection, request: Received, now_ms: int, now: float) -> None:
        """A reversal or a status: a request that names an earlier one of the same terminal."""
        message = request.message
        assert isinstance(message, Reversal | Status)
        card, last4 = self._find_card(message.card)
        decision = decide_reference(connection.terminal_of(request).partner, card)
        kind = REVERSAL if isinstance(message, Reversal) else STATUS
        self._post(
            connection,
            request,
            kind,
            decision,
            card=card,
            last4=last4,
            now_ms=now_ms,
            now=now,
            original_stan=message.original_stan,
        )

    def _find_card(self, text: str) -> tuple[Card | int, str]:
        """Return the card, or the result code that says why there is none, and the last four digits.

        What the registry knows is a card number; its check digit need not be computed again.
        """
        if text.isascii() and text.isdigit() and (card := self._directory.find_card(text)) is not None:
            return card, text[-4:]
        try:
            digits = parse_card(text)
        except CardNumberError:
            return int(ResultCode.CARD_NUMBER_INVALID), "????"
        return self._directory.find_card(digits) or int(ResultCode.CARD_UNKNOWN), digits[-4:]

    def _post(
        self,
        connection: Connection,
        request: Received,
        kind: int,
        decision: Decision,
        *,
        card: Card | int,
        last4: str,
        now_ms: int,
        now: float,
        counter_account: int = 0,
        original_stan: int = 0,
    ) -> None:
        """Hand the decision to the committer; declines are journalled too, so that such an id never posts."""
        message = cast("Request", request.message)
        terminal = connection.terminal_of(request)
        programme = terminal.partner.programme
        posting = Posting(
            # Python makes a dictionary of more than 15 keywords first: 0.5 us a request.
            self._ledger.next_id(now_ms),
            terminal.number,
            stan=message.stan,
            kind=kind,
            account=0 if isinstance(card, int) else card.account,
            counter_account=counter_account,
            points=decision.points,
            amount_grosze=decision.amount_grosze,
            digest=request_digest(request.type, request.body),
            code=decision.code,
            original_stan=original_stan,
            rules_version=programme.rules_version,
            accepted_at_ms=now_ms,
            terminal_time=message.terminal_time,
            context=Pending(connection, request.type, message.__class__.__name__, programme, last4),
            submitted_at=now,
        )
        if decision.code and (kind in NOT_JOURNALLED or decision.code == ResultCode.FEED_STALE):
            self.on_outcomes([(posting, no_effect(posting, decision.code))])
        else:
            self._ledger.submit_nowait(posting)

    # Too many requests.

    def _shed(
        self, connection: Connection, requests: list[Received], now_ms: int, now: float
    ) -> list[Received]:
        """Tell some new business to try again at once, instead of late; return what is to be served."""
        touched: set[Connection] = set()
        rest = []
        for request in requests:
            kind = NEW_BUSINESS.get(type(request.message))
            if kind is None or self._served < SERVED_PER_REFUSAL:
                rest.append(request)
                continue
            programme = connection.terminal_of(request).partner.programme
            self._served -= SERVED_PER_REFUSAL
            self._meters.requests_shed += 1
            message = cast("Earn | EarnAdvice | Redeem | Balance", request.message)
            _, last4 = self._find_card(message.card)
            outcome = Outcome(
                code=TRY_AGAIN,
                transaction_id=0,
                points=0,
                balance=0,
                amount_grosze=message.amount if isinstance(message, Earn | EarnAdvice) else 0,
                accepted_at_ms=now_ms,
                rules_version=programme.rules_version,
                kind=kind,
                counter_account=0,
                replayed=False,
            )
            reply = transaction_reply(message.stan, 0, outcome, programme, last4)
            self._meters.replies[type(message).__name__, TRY_AGAIN] += 1
            self._answer(connection, reply, request.type, touched)
        self._flush(touched, now)
        return rest

    # Replies out.

    def on_outcomes(self, outcomes: list[tuple[Posting, Outcome]]) -> None:
        """Answer a batch that has been committed (or refused): write each reply to its connection."""
        self._served = min(self._served + len(outcomes), SERVED_PER_REFUSAL * self._config.batch_max)
        touched: set[Connection] = set()
        meters = self._meters
        replies, add_request_s = meters.replies, meters.request_s.add
        now = trio.current_time()
        for posting, outcome in outcomes:
            pending = posting.context
            assert isinstance(pending, Pending)
            replies[pending.message, outcome.code] += 1
            meters.replays += outcome.replayed
            add_request_s(now - posting.submitted_at)
            log_transaction(posting, outcome, pending.message, pending.last4)
            self._answer(
                pending.connection, reply_of(posting, outcome, pending), pending.request_type, touched
            )
        self._flush(touched, now)

    def _answer(
        self, connection: Connection, reply: Reply, request_type: int, touched: set[Connection]
    ) -> None:
        """Seal one reply into its connection's outbox and count the request out."""
        self.in_flight -= 1
        self._connections.answered(connection)
        if connection.closed:
            self._meters.replies_dropped += 1
            return
        connection.outbox += connection.session.seal(reply, request_type)
        touched.add(connection)

    def _flush(self, touched: set[Connection], now: float) -> None:
        """Write what was sealed, and tell who waits for room or for the end of the work."""
        for connection in touched:
            self._connections.flush(connection, now)
        if not self.full:
            self._room.set()
        if not self.in_flight:
            self._idle.set()

    # Requests that no posting answers.

    def _acknowledge(self, connection: Connection, request: Received, now_ms: int, now: float) -> None:
        """Echo and sign-off are answered at once."""
        code = int(ResultCode.APPROVED)
        self._answer_now(
            connection, request, Ack(stan=request.message.stan, code=code, server_time_ms=now_ms), now
        )

    def _ask_ledger(self, connection: Connection, request: Received, now_ms: int, now: float) -> None:
        """Sign-on and totals read the journal in a task of their own; in-flight bounds hold them, too."""
        self._nursery.start_soon(self._answer_from_ledger, connection, request, now_ms, now)

    async def _answer_from_ledger(
        self, connection: Connection, request: Received, now_ms: int, now: float
    ) -> None:
        message = request.message
        assert isinstance(message, SignOn | Totals)
        reply = await self._ledger.answer_inquiry(message, connection.terminal_of(request), now_ms)
        self._answer_now(connection, request, reply, now)

    def _answer_now(
        self, connection: Connection, request: Received, reply: Reply, received_at: float
    ) -> None:
        now = trio.current_time()
        self._meters.replies[type(request.message).__name__, reply.code] += 1
        self._meters.request_s.add(now - received_at)
        touched: set[Connection] = set()
        self._answer(connection, reply, request.type, touched)
        self._flush(touched, now)
