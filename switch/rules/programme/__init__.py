"""The rules of one programme: what a rules file may say, and how it is read and checked.

A newcomer reads `rules` (the file as a whole), `parts`, `holders`, `benefits`, `receipt` (its tables),
`reading`, and `contradictions` (what is refused although each value by itself may stand).
"""

from switch.rules.programme.holders import Applications, CardRules, WhyDuplicate
from switch.rules.programme.parts import LANGUAGES, Identity, Language, RulesError, Terminals
from switch.rules.programme.reading import parse_rules
from switch.rules.programme.receipt import Receipt, Receipts
from switch.rules.programme.rules import Rules
from switch.rules.programme.second_person import UNSTATED_SECOND_PERSON, SecondPerson

__all__ = [
    "LANGUAGES",
    "UNSTATED_SECOND_PERSON",
    "Applications",
    "CardRules",
    "Identity",
    "Language",
    "Receipt",
    "Receipts",
    "Rules",
    "RulesError",
    "SecondPerson",
    "Terminals",
    "WhyDuplicate",
    "parse_rules",
]
