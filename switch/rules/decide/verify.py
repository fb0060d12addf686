"""Which benefits hold for a card here and now, and what the cashier is to see; never why. Pure.

Owns the page of a VERIFY. What is left of their quotas the ledger knows, and so which of them are used up.
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from ledger.books.posting import QuotaLeg
from protocol import ResultCode, Verify, limits
from switch.rules.decide.benefit import Asked, checks_for, quotas_for, refuse_offer
from switch.rules.decide.decision import Moment
from switch.rules.decide.refusals import APPROVED, postpone, refuse
from switch.rules.directory import Card, Terminal


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
    if version.rules.benefits is None:
        return Verdict(int(ResultCode.NOT_SUPPORTED))
    if at.is_stale:
        return Verdict(int(ResultCode.FEED_STALE))
    code = refuse(terminal.partner, card, message.entry, at)
    if code or isinstance(card, int):
        return Verdict(code)
    asked = Asked(terminal, card, version, at.now_ms)
    who = asked.who()
    ready = (
        held.terms(version.codes)
        for held in programme.offers.of_partner(
            terminal.partner.number, at.now_ms, after=message.offers_after
        )
    )
    fitting = list(
        islice((terms for terms in ready if not refuse_offer(terms, asked, who)), limits.BENEFITS_MAX + 1)
    )
    page = fitting[: limits.BENEFITS_MAX]
    found = tuple(
        Found(terms.offer.number, checks_for(terms, version, who), quotas_for(terms, asked, who))
        for terms in page
    )
    return Verdict(APPROVED, found, page[-1].offer.number if len(fitting) > len(page) else 0)
