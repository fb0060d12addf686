"""Decisions: one pure function an operation, by the rules of a programme.

Owns nothing itself; a newcomer reads `decision` (the shapes), `refusals` (why a card or a partner is refused,
and in which order), then one module for each kind of business. Whether the points suffice is not decided
here: only the ledger knows a balance, under its lock.
"""

from switch.rules.decide.balance import decide_balance
from switch.rules.decide.benefit import decide_benefit_advice, decide_benefit_use
from switch.rules.decide.decision import Decide, Decision, Moment, More
from switch.rules.decide.earn import decide_earn, decide_earn_advice
from switch.rules.decide.quote import decide_quote
from switch.rules.decide.redeem import decide_redeem
from switch.rules.decide.reference import decide_reference
from switch.rules.decide.refund import decide_refund
from switch.rules.decide.refusals import postpone
from switch.rules.decide.verify import Verdict, decide_verify

__all__ = [
    "Decide",
    "Decision",
    "Moment",
    "More",
    "Verdict",
    "decide_balance",
    "decide_benefit_advice",
    "decide_benefit_use",
    "decide_earn",
    "decide_earn_advice",
    "decide_quote",
    "decide_redeem",
    "decide_reference",
    "decide_refund",
    "decide_verify",
    "postpone",
]
