"""A terminal's dealings with its line: connecting, signing on, and trying again until there is an answer.

Owns the current link, the tries and the counters of the wire. Must not know what a request is for:
which ones are persisted, and what follows when no answer came, is `delivery`.

Invariants: a request is tried again with the same bytes and the repeat bit, and never but after a pause
(`backoff`); a link that failed in any way is never used again; after a sign-on the memory's STAN is past
every STAN the switch has journalled.
"""

import math
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import trio

from protocol import (
    REPEAT_BIT,
    TYPE_OF,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Echo,
    KeyChange,
    KeyChangeReply,
    Redeem,
    Refund,
    Reply,
    ResultClass,
    ResultCode,
    Reversal,
    SignOff,
    SignOn,
    SignOnReply,
    encode_request,
    is_signed_on,
    limits,
    result_class,
)
from simulators.errors import KeyNotChanged, LinkLost, Pausing, RefusedBySwitch, SignOnDeclined, TerminalError
from simulators.till.backoff import Backoff
from simulators.till.channel import Connector
from simulators.till.identity import TerminalIdentity
from simulators.till.keyring import Keyring
from simulators.till.link import Link
from simulators.till.records import RunningTotals
from simulators.till.store import TerminalMemory

STAN_SKIP_AFTER_LOSS: Final = 1_000
"""How far past the switch's last STAN a terminal goes on when its memory is behind: requests that were still
under way when the memory was lost may be journalled after the sign-on was answered."""

CLASS_OF: Final = tuple(result_class(code) for code in range(limits.CODE_MAX + 1))
"""Result class by code, known or not."""

_TEXT_OF: Final = {int(code): code.text_en for code in ResultCode}
_RETRY: Final = ResultClass.RETRY
_POSTING: Final = frozenset(
    TYPE_OF[kind] for kind in (Earn, EarnAdvice, Redeem, BenefitUse, BenefitAdvice, Refund, Reversal)
)


@dataclass(frozen=True)
class Patience:
    """How long a terminal waits and tries. Seconds; the defaults are the protocol's rules (SPEC.md)."""

    reply_s: float = limits.REPLY_TIMEOUT_S
    tries_max: int = limits.TRIES_MAX
    window_s: float = limits.RETRY_WINDOW_S
    pause_min_s: float = limits.BACKOFF_MIN_S
    pause_max_s: float = limits.BACKOFF_MAX_S
    echo_after_s: float = limits.IDLE_TIMEOUT_S / 3


@dataclass(slots=True)
class Counters:
    """What a terminal did on the wire and with its memory."""

    requests: int = 0
    repeats: int = 0
    links: int = 0
    links_failed: int = 0
    given_up: int = 0
    reversals_acknowledged: int = 0
    advices_stored: int = 0
    advices_acknowledged: int = 0


class NoAnswer(Exception):
    """No final answer within the tries; `busy` when the last thing heard was a code of the class retry."""

    def __init__(self, detail: str, *, busy: bool) -> None:
        super().__init__(detail)
        self.busy = busy


class Exchange:
    """The line of one terminal. `signed_on` is called after each sign-on, the memory's STAN put right."""

    def __init__(
        self,
        identity: TerminalIdentity,
        memory: TerminalMemory,
        connect: Connector,
        *,
        rng: random.Random,
        patience: Patience,
        software: str,
        language: str,
        clock: Callable[[], float],
        signed_on: Callable[[], None],
        make_nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.patience = patience
        self.counters = Counters()
        self.link: Link | None = None
        self.programme: SignOnReply | None = None
        self.keyring = Keyring(identity, memory)
        self._memory = memory
        self._connect = connect
        self._software = software
        self._language = language
        self._clock = clock
        self._signed_on = signed_on
        self._make_nonce = make_nonce
        self._backoff = Backoff(rng, pause_min_s=patience.pause_min_s, pause_max_s=patience.pause_max_s)

    async def ready_link(self, deadline: float = math.inf) -> Link:
        """Return the link, made and signed on if need be, when the pause after earlier failures allows.

        Waits no longer than until `deadline`, and no longer than `Patience.window_s`. Raises as `Link.open`,
        SignOnDeclined, and Pausing where the pause lasts longer.
        """
        if self.link is not None:
            return self.link
        if not await self._backoff.wait(min(deadline, trio.current_time() + self.patience.window_s)):
            raise Pausing
        self.counters.links += 1
        try:
            link = self.link = await self._open_link()
            reply = await self._sign_on(link)
        except TerminalError:
            self.counters.links_failed += 1
            self._backoff.failed()
            self.drop_link()
            raise
        except BaseException:
            self.drop_link()
            raise
        self.programme = reply
        if reply.last_stan > self._memory.stan:
            self._memory.skip_to(reply.last_stan + STAN_SKIP_AFTER_LOSS)
            if self._memory.totals == RunningTotals():
                self._memory.cut_over()  # sums that were lost cannot be compared
        self._signed_on()
        return link

    async def _open_link(self) -> Link:
        """Shake hands with the newest key, and with an older one only where that is refused."""
        *newer, oldest = self.keyring.candidates()
        for identity in newer:
            try:
                link = await Link.open(self._connect, identity, make_nonce=self._make_nonce)
            except RefusedBySwitch:
                continue
            self.keyring.accepted(identity.generation)
            return link
        return await Link.open(self._connect, oldest, make_nonce=self._make_nonce)

    async def change_key(self, request: KeyChange) -> int:
        """Ask for the next key and store it; it is used from the next link on. Returns its generation.

        Raises KeyNotChanged with what the switch said instead, and what asking raises.
        """
        link = await self.ready_link()
        reply = cast(KeyChangeReply, await self.ask_once(link, request))
        if CLASS_OF[reply.code] is not ResultClass.APPROVE:
            raise KeyNotChanged(reply.code, text_of(reply.code))
        self.keyring.keep(reply.generation, link.unwrap_key(reply))
        self.drop_link()
        return reply.generation

    async def _sign_on(self, link: Link) -> SignOnReply:
        request = SignOn(self._memory.take_stan(), int(self._clock()), self._software, self._language, 0)
        reply = cast(SignOnReply, await self.ask_once(link, request))
        if not is_signed_on(reply.code):
            raise SignOnDeclined(reply.code, text_of(reply.code))
        return reply

    def drop_link(self) -> None:
        """Close the link, if any; never waits."""
        if self.link is not None:
            self.link.close()
            self.link = None

    async def ask_once(self, link: Link, request: SignOn | SignOff | Echo | KeyChange) -> Reply:
        """Ask without trying again. Raises LinkLost, and the link is gone."""
        type_byte, body = encode_request(request)
        self.counters.requests += 1
        try:
            return await link.ask(type_byte, body, request.stan, trio.current_time() + self.patience.reply_s)
        except LinkLost:
            self.drop_link()
            raise

    async def exchange(
        self, type_byte: int, body: bytes, stan: int, *, tries_max: int, is_new: bool, repeat: bool = False
    ) -> Reply:
        """Send until there is a final answer; raises NoAnswer past the tries or the window.

        `is_new`: somebody waits for it, so its first try does not wait for the pause after earlier failures.
        """
        deadline = trio.current_time() + self.patience.window_s
        if not (is_new or await self._backoff.wait(deadline)):
            raise NoAnswer("the switch was busy or away: waiting before the next try", busy=False)
        tries = 0
        while True:
            try:
                link = self.link or await self.ready_link(deadline)
            except TerminalError as error:
                busy, why = False, str(error)
            else:
                tries += 1
                try:
                    reply = await self._ask(link, type_byte, body, stan, deadline, repeat=repeat)
                except LinkLost as error:
                    busy, why = False, str(error)
                else:
                    if not is_undecided(type_byte, reply.code):
                        self._backoff.succeeded()
                        return reply
                    busy, why = True, text_of(reply.code)
                self._backoff.failed()
                repeat = True
            if tries >= tries_max or not await self._backoff.wait(deadline):
                raise NoAnswer(why, busy=busy)

    async def _ask(
        self, link: Link, type_byte: int, body: bytes, stan: int, deadline: float, *, repeat: bool
    ) -> Reply:
        """Send once, and wait for the reply. If that fails the link is gone: half a frame may be out."""
        self.counters.requests += 1
        self.counters.repeats += repeat
        sent_type = type_byte | REPEAT_BIT if repeat else type_byte
        try:
            until = min(deadline, trio.current_time() + self.patience.reply_s)
            return await link.ask(sent_type, body, stan, until)
        except (LinkLost, trio.Cancelled):
            self.drop_link()
            raise


def text_of(code: int) -> str:
    """Return the English text of a code, known or not."""
    return _TEXT_OF.get(code, f"code {code}")


def is_undecided(type_byte: int, code: int) -> bool:
    """Whether the same request must go again.

    That is the class retry; and for what can post SYSTEM_ERROR too, which says nothing for certain (SPEC.md,
    section 6).
    """
    return CLASS_OF[code] is _RETRY or (code == ResultCode.SYSTEM_ERROR and type_byte in _POSTING)
