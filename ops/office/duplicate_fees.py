"""What a duplicate wants of its holder, by the programme's rules and by why it is made (Żywiec § 3).

Owns the finding of the fee, and whether the old card is wanted. Must not write it down
(`ledger.registry.duplicates` does, with the card).
"""

from __future__ import annotations

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase
from ledger.registry.card_fees import Fee
from switch.rules.programme import CardRules, WhyDuplicate


def fee_of(rules: CardRules, why: WhyDuplicate | None) -> Fee:
    """Return what a duplicate costs. Raises RegistryRefused where that hangs on why, and it is not said."""
    fees = rules.duplicate.fees()
    if why is None and len(set(fees.values())) > 1:
        told = [
            Phrase("--why {duplicate_why}: {zloty}", duplicate_why=name, zloty=in_zloty(grosze))
            for name, grosze in fees.items()
        ]
        raise RegistryRefused(
            "what a duplicate costs here hangs on why it is made ({fees})", fees=tuple(told)
        )
    return Fee(why or "", fees[why or "no-fault"], rules.duplicate.old_card_needed)


def in_zloty(grosze: int) -> str:
    """Return a fee as it is told: 10.00 zł."""
    return f"{grosze // 100}.{grosze % 100:02d} zł"
