"""Amounts as people key them: 45.90 or 45,90 in, grosze inside. Printing them is `switch.receipts.money`.

Owns the reading. Invariant: exact, never a float.
"""

import re

AMOUNT_PATTERN = re.compile(r"(?P<sign>-?)(?P<zloty>[0-9]{1,12})(?:[.,](?P<grosze>[0-9]{1,2}))?")


class AmountError(ValueError):
    """A text that is no amount of złoty and grosze."""


def parse_amount(text: str) -> int:
    """Return the grosze of "45.90", "45,90", "45,9" or "45" (spaces and a trailing zł are ignored).

    A sign is kept: whether a negative amount is allowed is the switch's to say. Raises `AmountError`.
    """
    bare = re.sub(r"\s|zł$|zl$|PLN$", "", text.strip(), flags=re.IGNORECASE)
    match = AMOUNT_PATTERN.fullmatch(bare)
    if match is None:
        raise AmountError(f"'{text}' is no amount. Write złoty and grosze like 45.90 or 45,90.")
    grosze = int(match["zloty"]) * 100 + int((match["grosze"] or "0").ljust(2, "0"))
    return -grosze if match["sign"] else grosze
