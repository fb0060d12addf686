"""Owns what is asked of the ledger and what it answers: requests, outcomes, and how accounts are numbered.

A `Posting` is a request already decided by the switch; an `Outcome` is what stands in the books for its
id, now and for ever. Idempotency, floors, reversals and tombstones are decided in the database, under the
locks of the accounts (`migrations/before/0003_post_batch.sql`, 0006, 0007). How they travel is
`ledger.books.rows`. Knows nothing of connections, batching or retries.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import msgspec


class Kind(IntEnum):
    """What a request does. Those of NOT_JOURNALLED are answered only; ADJUSTMENT is for the desk."""

    TOMBSTONE = 0
    EARN = 1
    EARN_ADVICE = 2
    REDEEM = 3
    REVERSAL = 4
    STATUS = 5
    BALANCE = 6
    ADJUSTMENT = 7
    BENEFIT_USE = 8
    BENEFIT_ADVICE = 9
    REFUND = 10
    VERIFY = 11
    QUOTE = 12


class Unit(IntEnum):
    """What a posting counts."""

    POINTS = 0
    USES = 1
    GROSZE = 2


class AccountKind(IntEnum):
    """The low three bits of an account id; the rest is the number of its owner.

    In points: card, partner (issued, redeemed), organiser. In uses: what a partner granted against quotas. In
    grosze: the discounts a partner gave, and those a card had. No id has the last one: in sums it stands for
    the quotas, which are their owners' accounts in uses.
    """

    CARD = 0
    PARTNER_ISSUED = 1
    PARTNER_REDEEMED = 2
    ORGANISER = 3
    PARTNER_USES = 4
    PARTNER_DISCOUNTS = 5
    CARD_DISCOUNTS = 6
    QUOTA = 7


def account_id(owner: int, kind: AccountKind) -> int:
    """The account of a card account number, a partner or a programme (1..10**12)."""
    return owner << 3 | kind


def bucket_of(account: int, buckets: int) -> int:
    """The bucket of a card account, 0..buckets-1; the same arithmetic as `ledger.bucket_of` in the
    database.
    """
    return (((account >> 3 & 0x7FFFFFFF) * 1103515245) >> 15) % buckets


NOT_JOURNALLED: Final = frozenset(map(int, (Kind.STATUS, Kind.BALANCE, Kind.VERIFY, Kind.QUOTE)))
"""Inquiries: they leave no row, and their ids may be used again."""
TOTALLED: Final = (
    (Kind.EARN, Kind.EARN_ADVICE),
    (Kind.REDEEM,),
    (Kind.REVERSAL,),
    (Kind.BENEFIT_USE, Kind.BENEFIT_ADVICE),
    (Kind.REFUND,),
)
"""The sums of a terminal's totals, and what counts in each: whatever a terminal may post, in one of them."""
PUT_OFF: Final = range(10, 20)
"""Codes of class retry: nothing is decided yet, so nothing is kept and no id is used."""
ANY_ACCOUNT: Final = -1
"""The account of a reference whose card is not known here (yet): it takes its original's."""
NO_DIGITS: Final = -1
"""`last4` where no card number was read."""


NO_LIMIT: Final = -1
"""`remaining` of what no quota limits."""


class QuotaLeg(NamedTuple):
    """One use of a quota.

    owner: the card's account for a limit per card, the programme's ORGANISER account for a wider one. quota:
    offer << 3 | kind of period for a limit of an offer (which has one of each), the limit's number (0..7)
    alone for one of the programme. period: the number of
    the day, week, month or year, 0 for ever (>= 0). uses_allowed: the limit by the rules in force, of all
    cards and buckets it is for.
    """

    owner: int
    quota: int
    period: int
    uses_allowed: int


class Posting(msgspec.Struct, gc=False):
    """One request for the ledger.

    points is the signed change of the card account; code is 0 to post if the balance and the quotas allow,
    else the decline the switch decided, which is journalled without posting (a code of class retry, 10..19,
    decides nothing: it is told unless the id stands there already, and leaves no row). account is 0 when no
    card is known, or ANY_ACCOUNT for a reference; counter_account is the partner's (any kind of his for what
    has no points: the accounts of uses and discounts follow from it). digest is the signed 64-bit hash of the
    request; original_stan is 0 for none, else below stan, or the request names nothing; last4 is 0..9999 or
    NO_DIGITS; context is the caller's own and never looked at. submitted_at is when the request came, by
    trio's clock, in seconds (0: when it is submitted).

    quotas: one use is taken of each, or of none and the code is QUOTA_USED_UP; none may be named twice. They
    may be given with any code and any kind of its own (a QUOTE too: it is told what would be), not with a
    reference, which gives back what its original took. discount_grosze: what the partner takes off (part of
    amount_grosze, the price before it), posted in grosze.

    A refund sets original_terminal, whose sale it is (0: not a refund), and original_stan; amount_grosze is
    what is given back of the sale's amount less its discount (0 only where that is nothing); points,
    counter_account and the rest come from the sale. may_go_below: the balance may go below its floor by it.
    step_grosze: of an earn, so that a refund can compute the points of what is still paid; 0: a refund of
    all of it gives back the points whole, one of a part none.

    Recorded and told again only: entry (how the card was read, 0..7), language (0 pl, 1 en; 0..7), offer (0:
    none), confirmed and checks (bits, 0..7).

    Recorded only, so that the decision can be made again: registry_number, the newest registry change it was
    decided by; tier, the points a redemption asks for; basis, what else decided: of a redemption the amount
    to pay, of a benefit the kinds of its holder on that day (bits).
    """

    transaction_id: int
    terminal: int
    stan: int
    kind: int
    account: int
    counter_account: int
    points: int
    amount_grosze: int
    digest: int
    code: int
    original_stan: int
    rules_version: int
    accepted_at_ms: int
    terminal_time: int
    last4: int = NO_DIGITS
    registry_number: int = 0
    step_grosze: int = 0
    entry: int = 0
    language: int = 0
    confirmed: int = 0
    checks: int = 0
    may_go_below: bool = False
    offer: int = 0
    discount_grosze: int = 0
    original_terminal: int = 0
    tier: int = 0
    basis: int = 0
    quotas: tuple[QuotaLeg, ...] = ()
    context: object = None
    submitted_at: float = 0.0


class Outcome(msgspec.Struct, gc=False):
    """What stands in the books for one request.

    points is the change of the card account, balance the balance after it (0 when no account is known, and
    where a reference names another card's original). transaction_id is 0 for what is not journalled
    (status, balance, a quote, a conflict). replayed: it stood there before. remaining: the least that is left
    of its quotas after it (of a wide one: in this bucket), NO_LIMIT without. original: for a status query,
    the stored outcome of the original; None where it is another card's or was never executed. The others are
    as in Posting; of a reversal and a refund, offer and discount_grosze (given back) are the original's.
    """

    code: int
    transaction_id: int
    points: int
    balance: int
    amount_grosze: int
    accepted_at_ms: int
    rules_version: int
    kind: int
    counter_account: int
    original_stan: int
    last4: int
    replayed: bool
    step_grosze: int = 0
    entry: int = 0
    language: int = 0
    confirmed: int = 0
    checks: int = 0
    offer: int = 0
    discount_grosze: int = 0
    original_terminal: int = 0
    remaining: int = NO_LIMIT
    original: "Outcome | None" = None


Answers = list[tuple[Posting, Outcome]]


def no_effect(posting: Posting, code: int) -> Outcome:
    """The outcome of a posting that was refused or given up without an entry in the books."""
    outcome = Outcome(
        code,
        0,
        0,
        0,
        posting.amount_grosze,
        posting.accepted_at_ms,
        posting.rules_version,
        posting.kind,
        posting.counter_account,
        posting.original_stan,
        posting.last4,
        replayed=False,
        step_grosze=posting.step_grosze,
        entry=posting.entry,
        language=posting.language,
    )
    outcome.confirmed = posting.confirmed
    outcome.checks = posting.checks
    outcome.offer = posting.offer
    outcome.discount_grosze = posting.discount_grosze
    outcome.original_terminal = posting.original_terminal
    return outcome
