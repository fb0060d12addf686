"""A sale taken back in part or whole, at any terminal of the partner it was made at. Pure.

Invariant: like a reversal it is refused for no state of the card: what the sale gave is taken back also from
a card that has been blocked since. How much is left of the sale only the ledger knows, under its locks; so
an amount of 0 is judged there, too: it is right for what cost nothing, and AMOUNT_ZERO for what was paid.
"""

from __future__ import annotations

from protocol import Refund, ResultCode
from switch.rules.cards import Card
from switch.rules.decide.decision import Decision, Moment, More
from switch.rules.decide.earn import refuse_amount
from switch.rules.decide.refusals import refuse_identity
from switch.rules.directory import Terminal


def decide_refund(message: Refund, terminal: Terminal, card: Card | int, at: Moment) -> Decision:
    """Give grosze of a sale back, and take its points; the ledger finds the sale and what is left of it."""
    partner, amount_grosze = terminal.partner, message.amount
    rules = partner.programme.current.rules.refund
    if rules is None:
        return Decision(int(ResultCode.NOT_SUPPORTED), amount_grosze=amount_grosze)
    code = refuse_identity(partner, card)
    if not code and amount_grosze < 0:
        code = refuse_amount(amount_grosze)
    # What is wrong with the original comes last, here as in the books (SPEC.md, section 7).
    if not code and message.original_terminal not in partner.terminals:
        code = int(ResultCode.ORIGINAL_UNKNOWN)
    return Decision(
        code,
        amount_grosze=amount_grosze,
        original_stan=message.original_stan,
        more=More(original_terminal=message.original_terminal, may_go_below=rules.below_zero),
    )
