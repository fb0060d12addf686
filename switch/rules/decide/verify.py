"""Which benefits hold for a card here and now, and what the cashier is to see; never why. Pure.

Owns the page of a VERIFY. What is left of their quotas the ledger knows, and so which of them are used up.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from ledger.books.posting import QuotaLeg
from protocol import ResultCode, Verify, limits
from switch.rules.cards import Card
from switch.rules.decide.decision import Moment
from switch.rules.decide.refusals import APPROVED, postpone, refuse
from switch.rules.decide.ruling import rule
from switch.rules.directory import Terminal
from switch.rules.entitlement import standing


class Found(NamedTuple):
    """One benefit that holds: its offer, what the cashier is to see, what a use of it would count against."""

    offer: int
    checks: int
    quotas: tuple[QuotaLeg, ...]


class Verdict(NamedTuple):
    """What a VERIFY comes to, but for what is left; `next_after` 0: there are no more."""

    code: int
    found: tuple[Found, ...] = ()
    next_after: int = 0


def decide_verify(message: Verify, terminal: Terminal, card: Card | int, at: Moment) -> Verdict:
    """The offers of the partner, by number from `offers_after` on, that are granted to this card now."""
    programme = terminal.partner.programme
    version = programme.current
    if code := postpone(terminal.partner, card, at):
        return Verdict(code)
    if at.is_stale:
        return Verdict(int(ResultCode.FEED_STALE))
    if version.rules.benefits is None:
        return Verdict(int(ResultCode.NOT_SUPPORTED))
    code = refuse(terminal, card, message.entry, at)
    if code or isinstance(card, int):
        return Verdict(code)
    now_ms, partner = at.now_ms, terminal.partner.number
    who = standing(card, version, version.calendar.day(now_ms))
    ready = (
        (terms, rule(terms, version, terminal, who, now_ms))
        for terms in (
            held.terms(version.codes)
            for held in programme.offers.of_partner(partner, now_ms, after=message.offers_after)
        )
    )
    fitting = list(islice((pair for pair in ready if not pair[1].code), limits.BENEFITS_MAX + 1))
    found = tuple(
        Found(terms.offer.number, ruling.checks, ruling.quotas_of(card.account))
        for terms, ruling in fitting[: limits.BENEFITS_MAX]
    )
    return Verdict(APPROVED, found, found[-1].offer if len(fitting) > len(found) else 0)
