"""Stored requests on their way to a final answer: persisted, repeated, given up into a reversal, forwarded.

Owns the rules between a terminal's memory and its line (SPEC.md, section 6). Every request that can post is
persisted before it is sent; without a final answer the same bytes go again with the repeat bit; after the
tries or the window it is given up into a persisted reversal, which is sent until it is acknowledged, and the
original is never sent again. Advices are forwarded in order, and one without a final answer stays.

Must not know: how bytes travel, who plays the cashier.

Invariants: what the switch would refuse to read is never persisted; the witness has written down what the
terminal was told before the terminal acts on it.
"""

from collections.abc import Callable
from typing import cast

from protocol import (
    Ack,
    BenefitAdvice,
    CardReport,
    EarnAdvice,
    Reply,
    ResultCode,
    Reversal,
    TransactionReply,
    encode_request,
)
from simulators.errors import Abandoned, SwitchBusy, TimedOut
from simulators.till.exchange import Exchange, NoAnswer
from simulators.till.posting import (
    BENEFIT_ADVICE,
    EARN_ADVICE,
    NEVER_GIVEN_UP,
    REVERSAL,
    PostingRequest,
    Settled,
    StoredRequest,
    Witness,
    decode_posting,
    effect_on_totals,
)
from simulators.till.records import Advice, PendingRequest
from simulators.till.store import TerminalMemory


class Delivery:
    """What one terminal owes the switch. `now` gives the terminal's time in Unix seconds."""

    def __init__(
        self,
        terminal: int,
        memory: TerminalMemory,
        exchange: Exchange,
        *,
        witness: Witness | None,
        reverse_on_restart: bool,
        now: Callable[[], int],
    ) -> None:
        self._terminal = terminal
        self._memory = memory
        self._exchange = exchange
        self._witness = witness
        self._reverse_on_restart = reverse_on_restart
        self._now = now
        # Stored here and never sent yet. Whatever else rests in the memory goes with the repeat bit.
        self._unsent: set[int] = set()

    def store_advice(self, request: EarnAdvice | BenefitAdvice | CardReport) -> None:
        """Persist a sale or benefit made offline, or a report."""
        if self._witness is not None and not isinstance(request, CardReport):
            self._witness.sending(self._terminal, request)
        type_byte, body = encode_request(request)
        self._memory.store_advice(Advice(request.stan, body, type_byte))
        self._unsent.add(request.stan)
        self._exchange.counters.advices_stored += 1

    async def post(self, request: PostingRequest, tries_max: int) -> TransactionReply:
        """Persist, send, and bring to an end: an answer, or a reversal and TimedOut or SwitchBusy.

        `tries_max` 0: the terminal's patience. A refund or reversal without an answer stays pending instead.
        """
        type_byte, body = encode_request(request)
        stan = request.stan
        if self._witness is not None:
            self._witness.sending(self._terminal, request)
        pending = PendingRequest(stan, type_byte, body)
        self._memory.begin(pending)
        tries_max = tries_max or self._exchange.patience.tries_max
        try:
            reply = await self._exchange.exchange(type_byte, body, stan, tries_max=tries_max, is_new=True)
        except NoAnswer as error:
            raise abandoned(error, stan, self._reversal_of(pending)) from None
        return cast(TransactionReply, self._finish(pending, request, reply))

    def _finish(
        self, pending: PendingRequest, request: StoredRequest, reply: Reply
    ) -> TransactionReply | Ack:
        """Write down what was told, then settle it in the memory."""
        if isinstance(request, CardReport):
            self._memory.finish(pending.stan)
            return cast(Ack, reply)
        answer = cast(TransactionReply, reply)
        if self._witness is not None:
            self._witness.told(self._terminal, request, answer)
        self._memory.finish(pending.stan, effect_on_totals(pending, answer))
        if answer.code == ResultCode.STAN_CONFLICT:
            # Somebody used this number before us: sign on again to learn the last one.
            self._exchange.drop_link()
        if pending.type == REVERSAL:
            self._exchange.counters.reversals_acknowledged += 1
        elif pending.type in {EARN_ADVICE, BENEFIT_ADVICE}:
            self._exchange.counters.advices_acknowledged += 1
        return answer

    def _reversal_of(self, pending: PendingRequest) -> int:
        """Give a request up: persist its reversal, and never send it again. Return the reversal's STAN."""
        if pending.type in NEVER_GIVEN_UP:
            return pending.stan
        given_up = decode_posting(pending.type, pending.body)
        stan = self._memory.next_stan()
        request = Reversal(stan, self._now(), given_up.card, given_up.entry, pending.stan)
        if self._witness is not None:
            self._witness.sending(self._terminal, request)
        self._memory.begin(PendingRequest(stan, REVERSAL, encode_request(request)[1], pending.type))
        self._unsent.add(stan)
        self._exchange.counters.given_up += 1
        return stan

    async def settle_pending(self) -> list[Settled]:
        """Bring the request found pending to an end. Raises as `post`."""
        pending = self._memory.pending
        if pending is not None and pending.type not in NEVER_GIVEN_UP and self._reverse_on_restart:
            self._reversal_of(pending)
            pending = self._memory.pending
        if pending is None:
            return []
        try:
            return [await self._again(pending)]
        except NoAnswer as error:
            raise abandoned(error, pending.stan, self._reversal_of(pending)) from None

    async def forward(self) -> list[Settled]:
        """Send the stored advices, oldest first; raises TimedOut or SwitchBusy, and the rest stays stored."""
        settled: list[Settled] = []
        while self._memory.advices:
            advice = self._memory.advices[0]
            try:
                settled.append(await self._again(PendingRequest(advice.stan, advice.type, advice.body)))
            except NoAnswer as error:
                raise abandoned(error, advice.stan, None) from None
        return settled

    async def _again(self, pending: PendingRequest) -> Settled:
        """Send what rests in the memory, with the repeat bit if it may have been sent before."""
        stan = pending.stan
        repeat = stan not in self._unsent
        self._unsent.discard(stan)
        reply = await self._exchange.exchange(
            pending.type,
            pending.body,
            stan,
            tries_max=self._exchange.patience.tries_max,
            is_new=False,
            repeat=repeat,
        )
        request = decode_posting(pending.type, pending.body)
        return Settled(request, self._finish(pending, request, reply))


def abandoned(error: NoAnswer, stan: int, reversal_stan: int | None) -> Abandoned:
    """Return what a caller is told of a request without a final answer."""
    kind = SwitchBusy if error.busy else TimedOut
    return kind(f"STAN {stan}: {error}", stan=stan, reversal_stan=reversal_stan)
