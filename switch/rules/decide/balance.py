"""What a card may be told of itself. Pure."""

from __future__ import annotations

from protocol import Balance, ResultCode
from switch.rules.cards import Card
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import refuse
from switch.rules.directory import Terminal


def decide_balance(message: Balance, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """A balance is told for a card that could be used now, where there are points."""
    if terminal.partner.programme.current.rules.earn is None:
        return Decision(int(ResultCode.NOT_SUPPORTED))
    return Decision(refuse(terminal, card, message.entry, at))
