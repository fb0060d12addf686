"""Which numbers a programme's cards may have, so that no number is a card of two programmes, and on what.

Owns the judging of a number that is to be added. Must not keep a number, nor repeat one: a fault names a
prefix and a length, which are the rules'. A transport card has the number of whoever issued it, so that of it
only those of other programmes are refused, and a wrong check digit: every number here ends with Luhn's.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.errors import NotInRegistry
from ledger.phrase import Phrase
from ledger.postgres.database import Database
from ledger.registry.duplicates import Carrier
from ledger.registry.programmes import list_programmes
from ops.office.rules_in_force import card_rules
from protocol import luhn_digit
from switch.rules.programme import CardRules


class Numbering(NamedTuple):
    """How a programme's cards are numbered, and how those of the others begin."""

    own: CardRules
    elsewhere: tuple[str, ...]

    def fault(self, digits: str, carrier: Carrier = Carrier.PLASTIC) -> str:
        """Return why a number cannot be one of this programme's; "" where it can."""
        if digits.startswith(self.elsewhere):
            return Phrase("begins as another programme's cards do")
        if carrier is not Carrier.TRANSPORT and (why := self._fault_of_own(digits)):
            return why
        if luhn_digit(digits[:-1]) != digits[-1]:
            return Phrase("has a wrong check digit: it was misread or mistyped")
        return ""

    def carrier_fault(self, carrier: Carrier) -> str:
        """Return why an account has none of a kind of carrier; "" where it may (Zgierz § 7: one number)."""
        kind = carrier.name.lower()
        if carrier is Carrier.PLASTIC or kind in self.own.further_carriers:
            return ""
        return Phrase(
            "an account of this programme has no {carrier} (its rules: [card] further_carriers)", carrier=kind
        )

    def _fault_of_own(self, digits: str) -> str:
        if not digits.startswith(self.own.prefix):
            return Phrase(
                "does not begin with {prefix}, as this programme's cards do", prefix=self.own.prefix
            )
        if len(digits) != self.own.digits:
            return Phrase(
                "has {digits} digits: this programme's cards have {needed}",
                digits=len(digits),
                needed=self.own.digits,
            )
        return ""


async def numbering_of(database: Database, programme: int) -> Numbering:
    """Return how the cards of a programme are numbered. Raises NotInRegistry before its first rules."""
    found: dict[int, CardRules] = {}
    for row in await database.run(list_programmes):
        rules = await card_rules(database, row["id"])
        if rules is not None:
            found[row["id"]] = rules
    if programme not in found:
        raise NotInRegistry(
            "programme {programme} has no rules yet: they say how its cards are numbered", programme=programme
        )
    others = tuple(rules.prefix for number, rules in found.items() if number != programme)
    return Numbering(found[programme], others)
