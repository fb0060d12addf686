"""Owns the random requests of one writer: of all kinds, by a seed, as workers make them and as they never
would.

Each writer has terminals, cards and a programme of its own, so that what two of them do at the same time does
not depend on who is first. Must not look at answers. Invariants: no id, own or original's, stands twice in a
batch; the same seed makes the same requests.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Final

import msgspec
from msgspec.structs import replace

from ledger.books.posting import ANY_ACCOUNT, NO_DIGITS, AccountKind, Kind, Posting, QuotaLeg, account_id
from ledger.books.transaction_ids import NODES, TransactionIds
from simulators.world.differential.limits import LIMITS, leg_of

BATCH_MAX: Final = 50
CARDS: Final = 60
TERMINALS: Final = 4
STEP_GROSZE: Final = 1_000
BEGIN_MS: Final = 1_790_000_000_000
_REMEMBERED: Final = 400
_DAY_MS: Final = 86_400_000
_KINDS: Final = {
    Kind.EARN: 20,
    Kind.EARN_ADVICE: 8,
    Kind.REDEEM: 10,
    Kind.ADJUSTMENT: 3,
    Kind.BENEFIT_USE: 18,
    Kind.BENEFIT_ADVICE: 5,
    Kind.QUOTE: 5,
    Kind.BALANCE: 4,
    Kind.VERIFY: 1,
    Kind.REVERSAL: 14,
    Kind.STATUS: 6,
    Kind.REFUND: 14,
}
_REFERENCES: Final = frozenset({Kind.REVERSAL, Kind.STATUS, Kind.REFUND})
_QUESTIONS: Final = frozenset({Kind.STATUS, Kind.BALANCE, Kind.VERIFY, Kind.QUOTE})
_DECLINES: Final = (33, 41, 45, 48, 56)
_PUT_OFF: Final = (10, 13)
_CARD_UNKNOWN: Final = 41


class Share(msgspec.Struct, frozen=True):
    """How often something rare is done."""

    repeated: float = 0.08
    conflicting: float = 0.25
    late: float = 0.04
    skipped: float = 0.08
    declined: float = 0.1
    put_off: float = 0.03
    no_card: float = 0.04
    another_limit: float = 0.02
    unknown_account: float = 0.001
    ancient: float = 0.001


class Writer:
    """Makes batches. number: 0, 1, …; its programme, terminals and cards follow from it."""

    def __init__(self, seed: int, number: int, share: Share = Share()) -> None:  # noqa: B008 immutable
        self._rng = random.Random(f"{seed}/{number}")
        self._share = share
        self._ids = TransactionIds(number)
        self._ancient_ids = TransactionIds(NODES - 1 - number)
        self.now_ms = BEGIN_MS
        self.programme = number + 1
        self.terminals = [100 * (number + 1) + terminal for terminal in range(TERMINALS)]
        self.accounts = [(1_000 * (number + 1) + card) << 3 for card in range(CARDS)]
        self._stans = dict.fromkeys(self.terminals, 0)
        self._skipped: dict[int, deque[int]] = {terminal: deque(maxlen=20) for terminal in self.terminals}
        self._made: deque[Posting] = deque(maxlen=_REMEMBERED)
        self._taken: set[tuple[int, int]] = set()

    def batch(self) -> list[Posting]:
        """The next requests, 1 to 50, for one batch."""
        rng = self._rng
        if rng.random() < 0.01:
            self.now_ms += rng.choice((_DAY_MS, 7 * _DAY_MS, 31 * _DAY_MS, 3_600_000))
        self._taken = set()
        wanted = 1 if rng.random() < 0.3 else rng.randint(1, BATCH_MAX)
        made = [self._admitted(self._request()) for _ in range(wanted)]
        found = [posting for posting in made if posting is not None] or [self._own(Kind.BALANCE)]
        rng.shuffle(found)
        return found

    def legs(self) -> list[QuotaLeg]:
        """Limits to ask about."""
        account = self._rng.choice(self.accounts)
        return [self._leg(number, account) for number in range(len(LIMITS))]

    def _admitted(self, posting: Posting) -> Posting | None:
        """The request, unless one of its ids is in this batch."""
        ids = {(posting.terminal, posting.stan)}
        if posting.original_stan:
            ids.add((posting.original_terminal or posting.terminal, posting.original_stan))
        if ids & self._taken:
            return None
        self._taken |= ids
        if posting.kind not in _QUESTIONS:
            self._made.append(posting)
        return posting

    def _request(self) -> Posting:
        rng = self._rng
        self.now_ms += rng.randint(0, 2_000)
        if self._made and rng.random() < self._share.repeated:
            return self._again(rng.choice(self._made))
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        return self._reference(kind) if kind in _REFERENCES else self._own(kind)

    def _again(self, made: Posting) -> Posting:
        """A request sent again; or another one under its id."""
        posting = replace(
            made, transaction_id=self._ids.next(self.now_ms), accepted_at_ms=self.now_ms, code=made.code
        )
        if self._rng.random() < self._share.conflicting:
            posting.digest ^= 1 << self._rng.randrange(60)
            posting.account = self._rng.choice(self.accounts)
        return posting

    def _blank(self, kind: Kind, terminal: int, account: int) -> Posting:
        rng = self._rng
        is_ancient = rng.random() < self._share.ancient
        return Posting(
            self._ancient_ids.next(BEGIN_MS) if is_ancient else self._ids.next(self.now_ms),
            terminal,
            self._stan(terminal),
            int(kind),
            account,
            account_id(terminal % 7 + 1, AccountKind.PARTNER_ISSUED),
            0,
            0,
            rng.getrandbits(64) - (1 << 63),
            self._code(),
            0,
            rng.randint(1, 3),
            self.now_ms,
            self.now_ms // 1_000 - rng.randint(0, 5),
            NO_DIGITS if account <= 0 else account >> 3 & 8191,
            rng.randint(0, 9),
            0,
            rng.randint(1, 4),
            rng.randint(0, 1),
        )

    def _stan(self, terminal: int) -> int:
        """The terminal's next number; sometimes one that was left out before."""
        rng, skipped = self._rng, self._skipped[terminal]
        if skipped and rng.random() < self._share.late:
            late = skipped[rng.randrange(len(skipped))]
            skipped.remove(late)
            return late
        if rng.random() < self._share.skipped:
            self._stans[terminal] += 1
            skipped.append(self._stans[terminal])
        self._stans[terminal] += 1
        return self._stans[terminal]

    def _code(self) -> int:
        drawn = self._rng.random()
        if drawn < self._share.put_off:
            return self._rng.choice(_PUT_OFF)
        return self._rng.choice(_DECLINES) if drawn < self._share.put_off + self._share.declined else 0

    def _own(self, kind: Kind) -> Posting:
        """A request that names no original."""
        rng = self._rng
        drawn = rng.random()
        has_card = drawn >= self._share.no_card
        account = rng.choice(self.accounts) if has_card else 0
        posting = self._blank(kind, rng.choice(self.terminals), account)
        if not has_card:
            posting.code = posting.code or _CARD_UNKNOWN
        elif drawn > 1 - self._share.unknown_account:
            posting.account = 8 << 30
        if kind in (Kind.EARN, Kind.EARN_ADVICE):
            posting.amount_grosze = rng.randint(0, 40) * rng.choice((500, 1_000, 1_333))
            posting.step_grosze = STEP_GROSZE if rng.random() < 0.9 else 0
            posting.points = posting.amount_grosze // STEP_GROSZE
        elif kind == Kind.REDEEM:
            posting.tier = rng.choice((10, 20, 50, 200, 1_000))
            posting.points, posting.basis = -posting.tier, rng.randint(0, 9_999)
            posting.amount_grosze = rng.randint(0, 9_999)
        elif kind == Kind.ADJUSTMENT:
            posting.points, posting.may_go_below = rng.randint(-20, 20), rng.random() < 0.3
            posting.counter_account = account_id(self.programme, AccountKind.ORGANISER)
        elif kind in (Kind.BENEFIT_USE, Kind.BENEFIT_ADVICE, Kind.QUOTE):
            self._fill_benefit(posting)
        return posting

    def _fill_benefit(self, posting: Posting) -> None:
        rng = self._rng
        posting.counter_account = account_id(posting.terminal % 7 + 1, AccountKind.PARTNER_USES)
        posting.offer, posting.basis = rng.randint(1, 20), rng.randint(0, 15)
        posting.confirmed, posting.checks = rng.randint(0, 7), rng.randint(0, 7)
        posting.amount_grosze = rng.choice((0, 1_000, 4_590, 20_000))
        posting.discount_grosze = posting.amount_grosze * rng.choice((0, 0, 10, 50, 100)) // 100
        if rng.random() < 0.05:
            posting.points = rng.choice((5, -5))
            posting.counter_account = account_id(posting.terminal % 7 + 1, AccountKind.PARTNER_ISSUED)
        if posting.account > 0:
            numbers = rng.sample(range(len(LIMITS)), rng.choice((0, 1, 1, 1, 2, 3)))
            posting.quotas = tuple(self._leg(number, posting.account) for number in numbers)

    def _leg(self, number: int, account: int) -> QuotaLeg:
        rng = self._rng
        more = rng.choice((-1, 1, 2)) if rng.random() < self._share.another_limit else 0
        return leg_of(LIMITS[number], self.programme, account, self.now_ms, more)

    def _reference(self, kind: Kind) -> Posting:
        """A request that names an original: one of the last, or one that is not there."""
        rng = self._rng
        original = rng.choice(self._made) if self._made and rng.random() < 0.85 else None
        terminal = rng.choice(self.terminals)
        if original is not None and (kind != Kind.REFUND or rng.random() < 0.5):
            terminal = original.terminal
        posting = self._blank(kind, terminal, self._named(original))
        posting.code = posting.code if rng.random() < 0.3 else 0
        if kind == Kind.REFUND:
            posting.original_terminal = original.terminal if original else rng.choice(self.terminals)
            posting.amount_grosze = self._back(original)
            posting.may_go_below = rng.random() < 0.5
        named_terminal = posting.original_terminal or terminal
        posting.original_stan = original.stan if original else self._no_original(named_terminal, posting.stan)
        if (named_terminal, posting.original_stan) == (terminal, posting.stan):
            posting.original_stan += 1
        return posting

    def _named(self, original: Posting | None) -> int:
        """The card that a reference names: the original's, another, none that is known, or none at all."""
        rng = self._rng
        drawn = rng.random()
        if drawn < 0.1:
            return ANY_ACCOUNT
        if drawn < 0.13:
            return 0
        if original is None or drawn < 0.2:
            return rng.choice(self.accounts)
        return original.account

    def _no_original(self, terminal: int, stan: int) -> int:
        """A number nobody has used: one left out, or one that is not below its reference."""
        rng, skipped = self._rng, self._skipped[terminal]
        if skipped and rng.random() < 0.7:
            return skipped[rng.randrange(len(skipped))]
        return max(stan + rng.randint(-3, 3), 1)

    def _back(self, sale: Posting | None) -> int:
        """What is given back: all, a part, too much, nothing."""
        rng = self._rng
        paid = max(sale.amount_grosze - sale.discount_grosze, 0) if sale else 5_000
        return rng.choice((paid, paid, paid // 2, paid // 3, rng.randint(0, paid + 1), paid + 1, 0, -1))
