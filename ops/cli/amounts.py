"""Amounts as people key them: 45.90 or 45,90 in, grosze inside. Printing them is `switch.receipts.money`.

Owns the reading. Invariant: exact, never a float.
"""

import re

AMOUNT_PATTERN = re.compile(
    r"(?P<sign>-?)(?P<zloty>[0-9]{1,12})(?:[.,](?P<grosze>[0-9]{1,2}))?(?: ?(?:zł|zl|PLN))?"
)
AMOUNT_SHOWN = 40


class AmountError(ValueError):
    """A text that is no amount of złoty and grosze."""


def parse_amount(text: str) -> int:
    """Return the grosze of "45.90", "45,90", "45,9" or "45"; zł or PLN may follow.

    A space elsewhere is refused: two amounts keyed one after the other must not become one. A sign is kept:
    whether a negative amount is allowed is the switch's to say. Raises `AmountError`.
    """
    match = AMOUNT_PATTERN.fullmatch(text)
    if match is None:
        shown = text[:AMOUNT_SHOWN]
        raise AmountError(f"'{shown}' is no amount. Write złoty and grosze like 45.90 or 45,90.")
    grosze = int(match["zloty"]) * 100 + int((match["grosze"] or "0").ljust(2, "0"))
    return -grosze if match["sign"] else grosze
