"""The rules of one programme as a whole: one version of them.

Owns which tables there are. Must not know a city by name, nor connections or the database.
Invariant: `Rules` that were read (`reading.py`) can decide and print every transaction without an error.
"""

from __future__ import annotations

from switch.rules.programme.benefits import Benefits, Limits
from switch.rules.programme.holders import Applications, CardRules, Entitlement, Holders
from switch.rules.programme.parts import (
    UNSTATED_CORRECTIONS,
    Corrections,
    Earn,
    Identity,
    Language,
    Lease,
    Part,
    Partners,
    Redeem,
    Refund,
    Rule,
    Settlement,
    Terminals,
)
from switch.rules.programme.receipt import Receipt, Receipts
from switch.rules.programme.second_person import UNSTATED_SECOND_PERSON, SecondPerson


class Rules(Part, frozen=True):
    """One version of a programme's rules.

    A programme without points has neither `earn` nor `redeem`, one without discounts no `benefits`: what a
    table is missing for, terminals are told that it is not supported.
    """

    programme: Identity
    terminals: Terminals
    card: CardRules
    receipt: Receipts
    partners: Partners | None = None
    holders: Holders | None = None
    entitlement: Entitlement | None = None
    earn: Earn | None = None
    redeem: Redeem | None = None
    refund: Refund | None = None
    corrections: Corrections | None = None
    settlement: Settlement | None = None
    lease: Lease | None = None
    benefits: Benefits | None = None
    limits: Limits | None = None
    applications: Applications | None = None
    second_person: SecondPerson | None = None

    def tier_value_grosze(self, points: int) -> int | None:
        """The rebate for a tier of exactly `points`, or None if there is no such tier."""
        for tier in self.redeem.tiers if self.redeem else ():
            if tier.points == points:
                return tier.value_grosze
        return None

    def of_corrections(self) -> Corrections:
        """Return what holds for corrections by hand, said or not."""
        return self.corrections or UNSTATED_CORRECTIONS

    def of_second_person(self) -> SecondPerson:
        """Return which acts of the office two persons do, said or not."""
        return self.second_person or UNSTATED_SECOND_PERSON

    def sections(self, place: str) -> tuple[str, ...]:
        """Return where "table.key" stands in the programme's documents; nothing where there is no table."""
        name, _, key = place.partition(".")
        table: Rule | None = getattr(self, name)
        return table.sections(key) if table else ()

    def receipt_in(self, language: Language) -> tuple[Language, Receipt]:
        """Return the receipts in a language, or in the programme's first, and which it is."""
        spoken = self.programme.languages
        chosen = language if language in spoken else spoken[0]
        receipt = self.receipt.of(chosen)
        assert receipt is not None  # `contradictions` has seen to it
        return chosen, receipt

    def excluded_in(self, language: Language) -> list[str]:
        """Return the names of the goods that earn no points, in one of the programme's languages."""
        return [names.get(language, "") for names in self.earn.excluded] if self.earn else []
