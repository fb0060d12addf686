"""What should happen in some worlds: a run of many seeds in which one of these never does has not tested it.

Owns the list and how each is recognised, from what is left of a world. Must not know what is right.
Invariant: each is counted by what came of it, not by what was planned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from ledger.books.posting import Kind
from protocol import ResultCode
from simulators.till.posting import REVERSAL
from simulators.world.checks import Findings, is_final
from simulators.world.evidence import POSTING, Answered
from simulators.world.network import HANDSHAKE_CUT


class Sometimes(StrEnum):
    """One thing that has to happen now and then."""

    TOMBSTONE_REFUSED = "a tombstone refused an original"
    ORIGINAL_UNSEEN = "a reversal came before its original"
    NOTHING_TO_REVERSE = "a reversal found nothing left"
    GIVEN_UP_HAD_POSTED = "a sale that was given up had posted"
    UNKNOWN_SETTLED = "an unknown commit was settled"
    FROM_THE_BOOKS = "a repeat was answered from the books"
    QUOTA_USED_UP = "a quota was used up"
    QUOTA_RACE = "a quota ran out in a race"
    SHARE_MOVED = "a share was rebalanced"
    BATCH = "a batch had several rows"
    ADVICE_AFTER_BLOCK = "an advice came after a block"
    ADVICE_TOO_LATE = "an advice came out of time"
    HANDSHAKE_CUT = HANDSHAKE_CUT
    KEY_CHANGED = "a key was changed"
    CARD_STOPPED = "a report stopped a card"
    REFUND_ELSEWHERE = "a refund was given at another till"
    REFUND_OVER_SALE = "a refund was over its sale"
    POINTS_SHORT = "points were short"
    FEED_STALE = "a stale worker refused"
    TRY_AGAIN = "a request was told to try again"
    SUSPENDED = "a suspension put an advice off"
    ENTITLEMENT_ENDED = "an entitlement had ended"
    TOTALS_AGREED = "totals agreed"


_OF_CODE: Final = {
    int(ResultCode.APPROVED_ORIGINAL_UNSEEN): Sometimes.ORIGINAL_UNSEEN,
    int(ResultCode.APPROVED_NOTHING_TO_REVERSE): Sometimes.NOTHING_TO_REVERSE,
    int(ResultCode.ORIGINAL_CANCELLED): Sometimes.TOMBSTONE_REFUSED,
    int(ResultCode.QUOTA_USED_UP): Sometimes.QUOTA_USED_UP,
    int(ResultCode.ADVICE_OUT_OF_TIME): Sometimes.ADVICE_TOO_LATE,
    int(ResultCode.REFUND_OVER_SALE): Sometimes.REFUND_OVER_SALE,
    int(ResultCode.POINTS_INSUFFICIENT): Sometimes.POINTS_SHORT,
    int(ResultCode.FEED_STALE): Sometimes.FEED_STALE,
    int(ResultCode.TRY_AGAIN): Sometimes.TRY_AGAIN,
    int(ResultCode.SUSPENDED_FOR_NOW): Sometimes.SUSPENDED,
    int(ResultCode.ENTITLEMENT_ENDED): Sometimes.ENTITLEMENT_ENDED,
}
"""By the code of a reply to what can post."""
_ADVICES: Final = frozenset((Kind.EARN_ADVICE, Kind.BENEFIT_ADVICE))


def count_sometimes(found: Findings) -> Counter[str]:
    """Return how often each happened."""
    counts: Counter[str] = Counter()
    answered = [answer for answer in found.evidence.answered if answer.type in POSTING]
    for answer in answered:
        if name := _OF_CODE.get(answer.message.code):
            counts[name.value] += 1
    for name in _others(found, answered):
        counts[name.value] += 1
    return counts


def _others(found: Findings, answered: list[Answered]) -> Iterator[Sometimes]:
    ledger, registry = found.ledger, found.ledger.registry
    yield from _of_repeats(found, answered)
    yield from _of_quotas(found)
    for bucket in ledger.buckets:
        yield from (Sometimes.SHARE_MOVED for _ in bucket.quotas.moves)
    yield from (Sometimes.BATCH for rows in Counter(ledger.entered_at.values()).values() if rows > 1)
    yield from (
        Sometimes.KEY_CHANGED for key in registry.keys.rows.values() if key.generation > 1 and key.is_used
    )
    yield from (Sometimes.CARD_STOPPED for case in registry.cases.values() if case.became != case.was)
    yield from (Sometimes.TOTALS_AGREED for till in found.tills if not till.totals_differed)
    blocks = found.blocks
    for commit in ledger.commits:
        posting, outcome = commit.posting, commit.outcome
        if outcome.code:
            continue
        if posting.kind == Kind.REFUND and posting.original_terminal != posting.terminal:
            yield Sometimes.REFUND_ELSEWHERE
        if posting.kind in _ADVICES and any(
            posting.terminal_time * 1_000 < since_ms <= posting.accepted_at_ms
            for since_ms in blocks.get(posting.account, ())
        ):
            yield Sometimes.ADVICE_AFTER_BLOCK


def _of_repeats(found: Findings, answered: list[Answered]) -> Iterator[Sometimes]:
    """What was answered twice, what had posted though it was given up, what nobody knew at first."""
    times = Counter((each.terminal, each.type, each.message.stan) for each in answered if is_final(each))
    yield from (Sometimes.FROM_THE_BOOKS for count in times.values() if count > 1)
    told = {identity for witnessed in found.witnessed.values() for identity in witnessed.told}
    for answer in answered:
        identity = answer.terminal, answer.message.stan
        if identity in found.ledger.unknown:
            yield Sometimes.UNKNOWN_SETTLED
        if answer.type == REVERSAL and answer.message.code == 0:
            original = found.original_of(identity)
            if original is not None and original not in told:
                yield Sometimes.GIVEN_UP_HAD_POSTED


def _of_quotas(found: Findings) -> Iterator[Sometimes]:
    """A use that was refused though it was asked for before the last one was granted."""
    granted_ms: dict[tuple[int, int, int], int] = {}
    for commit in found.ledger.commits:
        posting, at_ms = commit.posting, found.ledger.entered_ms.get((commit.terminal, commit.stan), 0)
        for use in posting.quotas:
            key = use.owner, use.quota, use.period
            if not commit.outcome.code:
                granted_ms[key] = at_ms
            elif commit.outcome.code == ResultCode.QUOTA_USED_UP and posting.accepted_at_ms <= granted_ms.get(
                key, -1
            ):
                yield Sometimes.QUOTA_RACE
