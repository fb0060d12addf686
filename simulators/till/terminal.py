"""A payment terminal of the city card: what it persists, sends, repeats, reverses and forwards.

Owns the behaviour between the cashier and the wire (SPEC.md, section 6). Every request
that can post is persisted before it is sent; without a final answer the same bytes go again with the repeat
bit; after the tries or the window the request is given up into a persisted reversal, which is sent until it
is acknowledged, and the original is never sent again. Sales made offline are stored as advices and
forwarded in order; a redemption is never made offline.

Must not know: how bytes travel (`channel`), how they are tried again (`exchange`), how they are remembered
(`store`), who plays the cashier.

Invariants: one request at a time; a STAN is used for one body only; the witness has written down what the
terminal was told before the terminal acts on it.
"""

import random
import time
from collections.abc import Callable
from typing import Final, Self, TypeAlias, TypeVar, cast

import msgspec
import trio

from protocol import (
    Balance,
    Earn,
    EarnAdvice,
    Echo,
    Redeem,
    Reply,
    ResultClass,
    ResultCode,
    Reversal,
    SignOff,
    SignOnReply,
    Status,
    StatusReply,
    Totals,
    TotalsReply,
    TransactionReply,
    encode_request,
)
from simulators.errors import Abandoned, SwitchBusy, TerminalError, TimedOut
from simulators.till.channel import Connector
from simulators.till.exchange import CLASS_OF, Counters, Exchange, NoAnswer, Patience
from simulators.till.identity import TerminalIdentity
from simulators.till.posting import (
    EARN,
    EARN_ADVICE,
    REDEEM,
    REVERSAL,
    PostingRequest,
    Settled,
    Witness,
    check_entry,
    decode_posting,
    effect_on_totals,
)
from simulators.till.records import Advice, PendingRequest
from simulators.till.store import TerminalMemory

__all__ = ["Counters", "Patience", "PosTerminal", "PostingRequest", "Settled", "TerminalIdentity", "Witness"]

SOFTWARE: Final = "cityswitch simulator"
TOTALS_STANS_MAX: Final = 100_000
"""The longest range of STANs that TOTALS may cover (SPEC.md, section 4)."""

_Query: TypeAlias = Balance | Status | Totals
_T = TypeVar("_T", TransactionReply, StatusReply, TotalsReply)


class PosTerminal:
    """A terminal with its memory and a way to the switch.

        with TerminalMemory.open(path, 10000001) as memory:
            async with PosTerminal(TerminalIdentity(10000001, key), memory, connector(address)) as terminal:
                reply = await terminal.earn(card, 12_50)

    It connects and signs on by itself when a request needs it; `connect` does so at once. Every method that
    talks raises CannotConnect, RefusedBySwitch, SignOnDeclined or LinkLost before the request was begun, and
    TimedOut or SwitchBusy when no final answer came. Replies of the classes approve, decline, pick_up and
    fault are returned. `reverse_on_restart`: a request found pending in the memory is reversed instead of
    repeated, as a terminal does whose customer has left.
    """

    def __init__(
        self,
        identity: TerminalIdentity,
        memory: TerminalMemory,
        connect: Connector,
        *,
        rng: random.Random | None = None,
        patience: Patience | None = None,
        witness: Witness | None = None,
        software: str = SOFTWARE,
        reverse_on_restart: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.identity = identity
        self.memory = memory
        self._rng = rng or random.Random()
        self._witness = witness
        self._reverse_on_restart = reverse_on_restart
        self._clock = clock
        self._turn = _Turn()
        self._exchange = Exchange(
            identity,
            memory,
            connect,
            rng=self._rng,
            patience=patience or Patience(),
            software=software,
            clock=clock,
            signed_on=self._signed_on,
        )
        # Stored here and never sent yet. Whatever else rests in the memory goes with the repeat bit.
        self._unsent: set[int] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop_link()

    @property
    def counters(self) -> Counters:
        """What this terminal did so far."""
        return self._exchange.counters

    @property
    def programme(self) -> SignOnReply | None:
        """The last sign-on reply: partner name, tiers, limits."""
        return self._exchange.programme

    @property
    def is_connected(self) -> bool:
        """Whether there is a signed-on link (the switch may have closed it unnoticed)."""
        return self._exchange.link is not None

    @property
    def has_unsettled(self) -> bool:
        """Whether a request, a reversal or an advice waits for its acknowledgement."""
        return self.memory.pending is not None or bool(self.memory.advices)

    # Requests

    async def connect(self) -> SignOnReply:
        """Connect and sign on unless that is done; return the programme's settings."""
        async with self._turn:
            await self._exchange.ready_link()
            assert self.programme is not None
            return self.programme

    async def earn(self, card: str, amount_grosze: int, *, tries_max: int = 0) -> TransactionReply:
        """Ask for the points of a payment. `tries_max` 0: the terminal's patience."""
        check_entry(card, amount_grosze)
        async with self._turn:
            await self._ready()
            request = Earn(self.memory.next_stan(), self._now(), card, amount_grosze)
            return await self._post(EARN, request, tries_max)

    async def redeem(self, card: str, tier_points: int, *, tries_max: int = 0) -> TransactionReply:
        """Ask to spend one tier of points; only online."""
        check_entry(card, tier_points)
        async with self._turn:
            await self._ready()
            request = Redeem(self.memory.next_stan(), self._now(), card, tier_points)
            return await self._post(REDEEM, request, tries_max)

    async def reversal(self, card: str, original_stan: int, *, tries_max: int = 0) -> TransactionReply:
        """Undo an earlier transaction of this terminal; without an answer it stays pending for `settle`."""
        check_entry(card, 0)
        async with self._turn:
            await self._ready()
            request = Reversal(self.memory.next_stan(), self._now(), card, original_stan)
            return await self._post(REVERSAL, request, tries_max)

    async def balance(self, card: str) -> TransactionReply:
        """Ask for a card's balance in points."""
        check_entry(card, 0)
        async with self._turn:
            await self._ready()
            return await self._query(Balance(self.memory.take_stan(), self._now(), card), TransactionReply)

    async def status(self, card: str, original_stan: int) -> StatusReply:
        """Ask what became of a request; one the switch never saw is thereby settled as never executed."""
        check_entry(card, 0)
        async with self._turn:
            await self._ready()
            return await self._query(
                Status(self.memory.take_stan(), self._now(), card, original_stan), StatusReply
            )

    async def totals(self) -> TotalsReply:
        """Compare the sums since the last cut-over with the switch's, and begin new ones.

        Advices are forwarded first. The reply has the code TOTALS_DIFFER when the sums are not the same.
        """
        async with self._turn:
            await self._ready()
            await self._forward()
            memory = self.memory
            sums = msgspec.structs.astuple(memory.totals)
            stan_from = memory.stan_from
            stan_to = max(memory.stan, stan_from)
            request = Totals(memory.take_stan(), self._now(), stan_from, stan_to, *sums)
            reply = await self._query(request, TotalsReply)
            # A range too long for the switch never gets shorter: begin anew uncompared.
            if CLASS_OF[reply.code] is ResultClass.APPROVE or stan_to - stan_from >= TOTALS_STANS_MAX:
                memory.cut_over()
            return reply

    async def echo(self) -> None:
        """Ask whether the switch is there; keeps the connection from being closed as idle."""
        async with self._turn:
            link = await self._exchange.ready_link()
            await self._exchange.ask_once(link, Echo(self.memory.take_stan(), self._now()))

    async def sign_off(self) -> None:
        """Tell the switch that the terminal goes home, and close; without a link there is nothing to do."""
        async with self._turn:
            link = self._exchange.link
            if link is not None:
                try:
                    await self._exchange.ask_once(link, SignOff(self.memory.take_stan(), self._now()))
                finally:
                    self.drop_link()

    def drop_link(self) -> None:
        """Close the connection, if any; never waits."""
        self._exchange.drop_link()

    # Offline

    def store_offline_earn(self, card: str, amount_grosze: int) -> int:
        """Store a sale made offline as an advice and return its STAN; `settle` forwards it."""
        check_entry(card, amount_grosze)
        stan = self.memory.next_stan()
        request = EarnAdvice(stan, self._now(), card, amount_grosze)
        if self._witness is not None:
            self._witness.sending(self.identity.terminal, request)
        self.memory.store_advice(Advice(stan, encode_request(request)[1]))
        self._unsent.add(stan)
        self.counters.advices_stored += 1
        return stan

    async def settle(self) -> list[Settled]:
        """Bring to an end what is pending, then forward the stored advices in order.

        Raises as the requests do; what is not acknowledged then stays in the memory.
        """
        async with self._turn:
            await self._exchange.ready_link()
            settled = await self._settle_pending()
            return settled + await self._forward()

    async def keep_alive(self) -> None:
        """Run until cancelled: echo on an idle link, and settle what waits; start it in a nursery.

        A link that fails is dropped; the next request makes a new one.
        """
        period_s = self._exchange.patience.echo_after_s
        while True:
            before = self.counters.requests
            await trio.sleep(period_s * self._rng.uniform(0.4, 0.6))
            try:
                if self.has_unsettled:
                    await self.settle()
                elif self.is_connected and self.counters.requests == before:
                    await self.echo()
            except TerminalError:
                continue

    # Inside

    def _now(self) -> int:
        return int(self._clock())

    def _signed_on(self) -> None:
        if self._witness is not None:
            self._witness.signed_on(self.identity.terminal, self.memory.stan)

    async def _ready(self) -> None:
        """A link, and nothing pending: the state in which a new request may be begun."""
        if self._exchange.link is None:
            await self._exchange.ready_link()
        if self.memory.pending is not None:
            await self._settle_pending()

    async def _query(self, request: _Query, _kind: type[_T]) -> _T:
        """Ask something that posts nothing: nothing is persisted, nothing is reversed."""
        type_byte, body = encode_request(request)
        tries_max = self._exchange.patience.tries_max
        try:
            return cast(_T, await self._exchange.exchange(type_byte, body, request.stan, tries_max=tries_max))
        except NoAnswer as error:
            raise _abandoned(error, request.stan, None) from None

    async def _post(
        self, type_byte: int, request: Earn | Redeem | Reversal, tries_max: int
    ) -> TransactionReply:
        """Persist, send, and bring to an end: an answer, or a reversal."""
        body = encode_request(request)[1]
        stan = request.stan
        if self._witness is not None:
            self._witness.sending(self.identity.terminal, request)
        pending = PendingRequest(stan, type_byte, body)
        self.memory.begin(pending)
        tries_max = tries_max or self._exchange.patience.tries_max
        try:
            reply = await self._exchange.exchange(type_byte, body, stan, tries_max=tries_max)
        except NoAnswer as error:
            raise _abandoned(error, stan, self._reversal_of(pending)) from None
        return self._finish(pending, request, reply)

    def _finish(self, pending: PendingRequest, request: PostingRequest, reply: Reply) -> TransactionReply:
        """Write down what was told, then settle it in the memory."""
        answer = cast(TransactionReply, reply)
        if self._witness is not None:
            self._witness.told(self.identity.terminal, request, answer)
        self.memory.finish(pending.stan, effect_on_totals(pending, answer))
        if answer.code == ResultCode.STAN_CONFLICT:
            # Somebody used this number before us: sign on again to learn the last one.
            self.drop_link()
        if pending.type == REVERSAL:
            self.counters.reversals_acknowledged += 1
        elif pending.type == EARN_ADVICE:
            self.counters.advices_acknowledged += 1
        return answer

    def _reversal_of(self, pending: PendingRequest) -> int:
        """Give a request up: persist its reversal, and never send it again. Return the reversal's STAN."""
        if pending.type == REVERSAL:
            return pending.stan
        card = decode_posting(pending.type, pending.body).card
        stan = self.memory.next_stan()
        request = Reversal(stan, self._now(), card, pending.stan)
        if self._witness is not None:
            self._witness.sending(self.identity.terminal, request)
        self.memory.begin(PendingRequest(stan, REVERSAL, encode_request(request)[1], pending.type))
        self._unsent.add(stan)
        self.counters.given_up += 1
        return stan

    async def _settle_pending(self) -> list[Settled]:
        pending = self.memory.pending
        if pending is not None and pending.type != REVERSAL and self._reverse_on_restart:
            self._reversal_of(pending)
            pending = self.memory.pending
        if pending is None:
            return []
        try:
            return [await self._again(pending)]
        except NoAnswer as error:
            raise _abandoned(error, pending.stan, self._reversal_of(pending)) from None

    async def _forward(self) -> list[Settled]:
        settled: list[Settled] = []
        while self.memory.advices:
            stan, body = self.memory.advices[0].stan, self.memory.advices[0].body
            try:
                settled.append(await self._again(PendingRequest(stan, EARN_ADVICE, body)))
            except NoAnswer as error:
                raise _abandoned(error, stan, None) from None
        return settled

    async def _again(self, pending: PendingRequest) -> Settled:
        """Send what rests in the memory, with the repeat bit if it may have been sent before."""
        stan = pending.stan
        repeat = stan not in self._unsent
        self._unsent.discard(stan)
        reply = await self._exchange.exchange(
            pending.type, pending.body, stan, tries_max=self._exchange.patience.tries_max, repeat=repeat
        )
        request = decode_posting(pending.type, pending.body)
        return Settled(request, self._finish(pending, request, reply))


class _Turn:
    """One request at a time. Free as it nearly always is, it saves a round through the scheduler."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = trio.Lock()

    async def __aenter__(self) -> None:
        try:
            self._lock.acquire_nowait()
        except trio.WouldBlock:
            await self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


def _abandoned(error: NoAnswer, stan: int, reversal_stan: int | None) -> Abandoned:
    kind = SwitchBusy if error.busy else TimedOut
    return kind(f"STAN {stan}: {error}", stan=stan, reversal_stan=reversal_stan)
