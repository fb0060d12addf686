"""Requests that name an earlier one of the same terminal: reversal and status. Pure.

Invariant: never refused here (SPEC.md, section 6). What was done can always be put right, and what was
declined for its card has a reply as well; whether the card is the original's the ledger sees, by the account.
"""

from __future__ import annotations

from ledger.books.posting import ANY_ACCOUNT
from protocol import Reversal, Status
from switch.rules.cards import Card
from switch.rules.decide.decision import Decision, Moment
from switch.rules.decide.refusals import APPROVED, is_ignorant
from switch.rules.directory import Terminal


def decide_reference(
    message: Reversal | Status, terminal: Terminal, card: Card | int, at: Moment
) -> Decision:
    """The ledger finds the original; a card that may only be new here is taken for the original's."""
    account = ANY_ACCOUNT if is_ignorant(card, at) else 0
    return Decision(APPROVED, original_stan=message.original_stan, account=account)
