"""By which time an offline sale is judged: that of the sale, where it can be.

Owns the window, and what held then of partner, card and rules. Pure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from protocol import BenefitAdvice, EarnAdvice, ResultCode
from switch.rules.as_of import stood_at
from switch.rules.cards import Card
from switch.rules.decide.decision import Moment
from switch.rules.decide.refusals import refuse_card, refuse_entry, refuse_identity, refuse_place
from switch.rules.directory import Terminal
from switch.rules.versions import DAY_MS, Version

ADVICE_AHEAD_MAX_MS: Final = 300_000
"""How far a terminal's clock may be ahead of the switch's; a sale further ahead cannot be judged."""


NOT_SUPPORTED: Final = int(ResultCode.NOT_SUPPORTED)


class LateSale(NamedTuple):
    """An offline sale: the rules of its time, that time (ms since 1970), why the card was refused then, and
    the card as it stood.
    """

    version: Version
    at_ms: int
    refusal: int
    card: Card | int


def refuse_unjudged(code: int, *, is_served: bool) -> int:
    """Return why a sale that cannot be judged is refused: what the programme has not, it never had."""
    return code if is_served else min(code, NOT_SUPPORTED)


def judge_late(
    message: EarnAdvice | BenefitAdvice, terminal: Terminal, card: Card | int, at: Moment
) -> LateSale | int:
    """Return what held at the time of a sale, or the code that says why it cannot be judged.

    While the partner is suspended it is kept by the terminal: that ends, and the sale is made; and so it is
    where the end of the programme's suspension, or another contract, may have been missed. A contract that
    has ended does not come back: what was sold on its days is judged, what was sold after them refused. The
    window is judged first: past it no sale is made, whatever ends, and a terminal keeps none for ever.
    """
    partner = terminal.partner
    sale_ms = message.terminal_time * 1_000
    identity = partner.programme.current.rules.programme
    oldest_ms = at.now_ms - identity.advice_age_max_days * DAY_MS
    version = partner.programme.version_at(min(sale_ms, at.now_ms))
    if not oldest_ms <= sale_ms <= at.now_ms + ADVICE_AHEAD_MAX_MS or not version.number:
        return int(ResultCode.ADVICE_OUT_OF_TIME)
    if partner.suspended:
        return int(ResultCode.SUSPENDED_FOR_NOW)
    sale_ms = min(sale_ms, at.now_ms)
    refusal = partner.programme.states.refusal(sale_ms)
    code = refuse_place(terminal, refusal, version.calendar.day(sale_ms))
    if code and at.is_stale:
        return int(ResultCode.SUSPENDED_FOR_NOW)
    code = code or refuse_identity(partner, card)
    if isinstance(card, Card) and not code:
        # By the terminal's own clock, not cut at now: a clock that was set back does not undo a block.
        card = stood_at(card, message.terminal_time * 1_000)
        code = refuse_card(card, card.status, version, sale_ms)
        code = code or refuse_entry(version, message.entry)
    return LateSale(version, sale_ms, code, card)
