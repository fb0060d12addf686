"""What an operation would come to, decided by that operation's own decision. Pure.

Invariant: a quote and the operation, decided at the same moment, are one decision; that nothing is posted is
the ledger's part, which looks at balance and quotas as it would for the operation.
"""

from __future__ import annotations

from protocol import TYPE_OF, BenefitUse, Earn, Quote, Redeem, ResultCode
from switch.rules.cards import Card
from switch.rules.decide.benefit import decide_benefit_use
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.earn import decide_earn
from switch.rules.decide.redeem import decide_redeem
from switch.rules.directory import Terminal

ALL_CONFIRMED = 0b111


def decide_quote(message: Quote, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """The decision of EARN, REDEEM or BENEFIT_USE with these figures, everything confirmed that may be."""
    stan, time, read = message.stan, message.terminal_time, (message.card, message.entry)
    if message.operation == TYPE_OF[Earn]:
        return decide_earn(Earn(stan, time, *read, message.amount), terminal, card, at)
    if message.operation == TYPE_OF[Redeem]:
        redeem = Redeem(stan, time, *read, message.number, message.amount)
        return decide_redeem(redeem, terminal, card, at)
    if message.operation == TYPE_OF[BenefitUse]:
        use = BenefitUse(stan, time, *read, message.number, message.amount, ALL_CONFIRMED)
        return decide_benefit_use(use, terminal, card, at)
    return Decision(int(ResultCode.NOT_SUPPORTED))
