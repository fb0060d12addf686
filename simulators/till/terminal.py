"""A payment terminal of the city card, as its cashier sees it: what can be asked, one request at a time.

Owns the operations, the terminal's turn and its life on the line. A redemption is never made offline.

Must not know: how bytes travel (`channel`), how they are tried again (`exchange`), what becomes of a request
once it is stored (`delivery`), how it is remembered (`store`), who plays the cashier.

Invariants: one request at a time; a STAN is used for one body only, and none is used for an entry that the
switch would hang up on.
"""

import random
import secrets
import time
from collections.abc import Callable
from typing import Final, Self, TypeAlias, TypeVar, cast

import msgspec
import trio

from protocol import (
    TYPE_OF,
    Balance,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Check,
    Earn,
    EarnAdvice,
    Echo,
    EntryMode,
    KeyChange,
    Quote,
    Redeem,
    Refund,
    ReportKind,
    Request,
    ResultClass,
    Reversal,
    SignOff,
    SignOnReply,
    Status,
    StatusReply,
    Totals,
    TotalsReply,
    TransactionReply,
    Verify,
    VerifyReply,
    encode_request,
    limits,
)
from simulators.errors import InvalidEntry, TerminalError
from simulators.till.channel import Connector
from simulators.till.delivery import Delivery, abandoned
from simulators.till.exchange import CLASS_OF, Counters, Exchange, NoAnswer, Patience
from simulators.till.identity import TerminalIdentity
from simulators.till.posting import PostingRequest, Settled, Witness, check_entry
from simulators.till.store import TerminalMemory
from simulators.till.turn import Turn

SOFTWARE: Final = "cityswitch simulator"
LANGUAGE: Final = "pl"
"""What receipts are printed in, unless it is told another language."""
SWIPED: Final = EntryMode.SWIPED
NOTHING_SEEN: Final = Check(0)
_UNNUMBERED: Final = 1
"""Stands for the STAN and the time while an entry is checked."""

_CardQuery: TypeAlias = Balance | Verify | Quote | Status
_T = TypeVar("_T", TransactionReply, StatusReply, TotalsReply, VerifyReply)
_R = TypeVar("_R", bound=Request)


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
        language: str = LANGUAGE,
        reverse_on_restart: bool = False,
        clock: Callable[[], float] = time.time,
        make_nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.identity = identity
        self.memory = memory
        self._rng = rng or random.Random()
        self._witness = witness
        self._clock = clock
        self._turn = Turn()
        self._exchange = Exchange(
            identity,
            memory,
            connect,
            rng=self._rng,
            patience=patience or Patience(),
            software=software,
            language=language,
            clock=clock,
            signed_on=self._signed_on,
            make_nonce=make_nonce,
        )
        self._delivery = Delivery(
            identity.terminal,
            memory,
            self._exchange,
            witness=witness,
            reverse_on_restart=reverse_on_restart,
            now=self._now,
        )

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

    async def earn(
        self, card: str, amount_grosze: int, *, entry: EntryMode = SWIPED, tries_max: int = 0
    ) -> TransactionReply:
        """Ask for the points of a payment. `tries_max` 0: the terminal's patience."""
        return await self._post(Earn(_UNNUMBERED, _UNNUMBERED, card, entry, amount_grosze), tries_max)

    async def redeem(
        self,
        card: str,
        tier_points: int,
        *,
        amount_grosze: int = 0,
        entry: EntryMode = SWIPED,
        tries_max: int = 0,
    ) -> TransactionReply:
        """Ask to spend one tier of points, off `amount_grosze` to pay (0: not known); only online."""
        asked = Redeem(_UNNUMBERED, _UNNUMBERED, card, entry, tier_points, amount_grosze)
        return await self._post(asked, tries_max)

    async def benefit(
        self,
        card: str,
        offer: int,
        amount_grosze: int,
        *,
        confirmed: Check = NOTHING_SEEN,
        entry: EntryMode = SWIPED,
        tries_max: int = 0,
    ) -> TransactionReply:
        """Use a benefit on a price; `confirmed` is what the cashier has seen."""
        asked = BenefitUse(_UNNUMBERED, _UNNUMBERED, card, entry, offer, amount_grosze, confirmed)
        return await self._post(asked, tries_max)

    async def refund(
        self,
        card: str,
        original: tuple[int, int],
        amount_grosze: int,
        *,
        entry: EntryMode = SWIPED,
        tries_max: int = 0,
    ) -> TransactionReply:
        """Give part or all of a sale (terminal, STAN) back; without an answer it stays pending."""
        asked = Refund(_UNNUMBERED, _UNNUMBERED, card, entry, *original, amount_grosze)
        return await self._post(asked, tries_max)

    async def reversal(
        self, card: str, original_stan: int, *, entry: EntryMode = SWIPED, tries_max: int = 0
    ) -> TransactionReply:
        """Undo an earlier transaction of this terminal; without an answer it stays pending for `settle`."""
        return await self._post(Reversal(_UNNUMBERED, _UNNUMBERED, card, entry, original_stan), tries_max)

    async def balance(self, card: str, *, entry: EntryMode = SWIPED) -> TransactionReply:
        """Ask for a card's balance in points."""
        return await self._inquire(Balance(_UNNUMBERED, _UNNUMBERED, card, entry), TransactionReply)

    async def verify(self, card: str, *, offers_after: int = 0, entry: EntryMode = SWIPED) -> VerifyReply:
        """Ask which benefits hold for a card here and now."""
        return await self._inquire(Verify(_UNNUMBERED, _UNNUMBERED, card, entry, offers_after), VerifyReply)

    async def quote(
        self,
        card: str,
        operation: type[Earn | Redeem | BenefitUse],
        amount_grosze: int,
        *,
        number: int = 0,
        entry: EntryMode = SWIPED,
    ) -> TransactionReply:
        """Ask what an operation would come to; `number` is its tier or offer."""
        asked = Quote(_UNNUMBERED, _UNNUMBERED, card, entry, TYPE_OF[operation], amount_grosze, number)
        return await self._inquire(asked, TransactionReply)

    async def status(self, card: str, original_stan: int, *, entry: EntryMode = SWIPED) -> StatusReply:
        """Ask what became of a request; one the switch never saw is thereby settled as never executed."""
        return await self._inquire(Status(_UNNUMBERED, _UNNUMBERED, card, entry, original_stan), StatusReply)

    async def totals(self) -> TotalsReply:
        """Compare the sums since the last cut-over with the switch's, and begin new ones.

        Advices are forwarded first. The reply has the code TOTALS_DIFFER when the sums are not the same.
        """
        async with self._turn:
            await self._ready()
            await self._delivery.forward()
            memory = self.memory
            sums = msgspec.structs.astuple(memory.totals)
            stan_from = memory.stan_from
            stan_to = max(memory.stan, stan_from)
            request = Totals(memory.take_stan(), self._now(), stan_from, stan_to, *sums)
            reply = await self._query(request, TotalsReply)
            # A range too long for the switch never gets shorter: begin anew uncompared.
            if CLASS_OF[reply.code] is ResultClass.APPROVE or stan_to - stan_from >= limits.TOTALS_STANS_MAX:
                memory.cut_over()
            return reply

    async def echo(self) -> None:
        """Ask whether the switch is there; keeps the connection from being closed as idle."""
        async with self._turn:
            link = await self._exchange.ready_link()
            await self._exchange.ask_once(link, Echo(self.memory.take_stan(), self._now()))

    async def change_key(self) -> int:
        """Ask for the next key, store it, and use it from the next connection on; return its generation."""
        async with self._turn:
            await self._exchange.ready_link()
            newest = self._exchange.keyring.newest
            return await self._exchange.change_key(KeyChange(self.memory.take_stan(), self._now(), newest))

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

    def store_offline_earn(self, card: str, amount_grosze: int, *, entry: EntryMode = SWIPED) -> int:
        """Store a sale made offline as an advice and return its STAN; `settle` forwards it."""
        return self._store(EarnAdvice(_UNNUMBERED, _UNNUMBERED, card, entry, amount_grosze))

    def store_offline_benefit(
        self,
        card: str,
        offer: int,
        amount_grosze: int,
        *,
        confirmed: Check = NOTHING_SEEN,
        entry: EntryMode = SWIPED,
    ) -> int:
        """Store a benefit granted offline as an advice and return its STAN; `settle` forwards it."""
        return self._store(
            BenefitAdvice(_UNNUMBERED, _UNNUMBERED, card, entry, offer, amount_grosze, confirmed)
        )

    def store_report(self, card: str, kind: ReportKind, *, entry: EntryMode = SWIPED) -> int:
        """Store a report of a card and return its STAN; `settle` forwards it."""
        return self._store(CardReport(_UNNUMBERED, _UNNUMBERED, card, entry, kind))

    async def settle(self) -> list[Settled]:
        """Bring to an end what is pending, then forward the stored advices in order.

        Raises as the requests do; what is not acknowledged then stays in the memory.
        """
        async with self._turn:
            await self._exchange.ready_link()
            settled = await self._delivery.settle_pending()
            return settled + await self._delivery.forward()

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

    async def _post(self, asked: PostingRequest, tries_max: int) -> TransactionReply:
        """Check, number, persist and send what can move points."""
        checked = check_entry(asked)
        async with self._turn:
            await self._ready()
            if isinstance(checked, Reversal):
                self._check_was_used(checked.original_stan)
            return await self._delivery.post(self._numbered(checked), tries_max)

    async def _inquire(self, asked: _CardQuery, kind: type[_T]) -> _T:
        """Check, number and ask what moves nothing."""
        checked = check_entry(asked)
        async with self._turn:
            await self._ready()
            if isinstance(checked, Status):
                self._check_was_used(checked.original_stan)
            return await self._query(self._numbered(checked, is_persisted=False), kind)

    def _store(self, asked: EarnAdvice | BenefitAdvice | CardReport) -> int:
        request = self._numbered(check_entry(asked))
        self._delivery.store_advice(request)
        return request.stan

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
            await self._delivery.settle_pending()

    def _numbered(self, asked: _R, *, is_persisted: bool = True) -> _R:
        """Give a checked request its STAN, at once persisted if nothing else of it will be, and its time."""
        stan = self.memory.next_stan() if is_persisted else self.memory.take_stan()
        return msgspec.structs.replace(asked, stan=stan, terminal_time=self._now())

    def _check_was_used(self, original_stan: int) -> None:
        """STANs count up: what was not used yet names no request of this terminal (SPEC.md, section 6)."""
        if original_stan > self.memory.stan:
            raise InvalidEntry(f"STAN {original_stan} was not used yet, the last one is {self.memory.stan}")

    async def _query(self, request: _CardQuery | Totals, _kind: type[_T]) -> _T:
        """Ask something that posts nothing: nothing is persisted, nothing is reversed."""
        type_byte, body = encode_request(request)
        tries_max = self._exchange.patience.tries_max
        try:
            reply = await self._exchange.exchange(
                type_byte, body, request.stan, tries_max=tries_max, is_new=True
            )
        except NoAnswer as error:
            raise abandoned(error, request.stan, None) from None
        return cast(_T, reply)
