"""What a card may be told of itself. Pure."""

from __future__ import annotations

from protocol import Balance, ResultCode
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import refuse
from switch.rules.directory import Card, Partner


def decide_balance(message: Balance, partner: Partner, card: Card | int, at: Moment) -> Decision:
    """A balance is told for a card that could be used now, where there are points."""
    if partner.programme.current.rules.earn is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    return Decision(refuse(partner, card, message.entry, at))
