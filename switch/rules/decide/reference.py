"""Requests that name an earlier one of the same terminal: reversal and status. Pure.

Invariant: never refused on business grounds (SPEC.md, section 6): what was done can always be put right.
"""

from __future__ import annotations

from protocol import Reversal, Status
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import refuse_identity
from switch.rules.directory import Card, Partner


def decide_reference(message: Reversal | Status, partner: Partner, card: Card | int, at: Moment) -> Decision:
    """Refused for a wrong card only; the ledger finds the original."""
    return Decision(refuse_identity(partner, card), original_stan=message.original_stan)
