"""Owns the rates of VAT that are known here: those rules may say, and documents have a place for.

Pure; must not know who asks. A rate is percent, as an integer.
"""

from typing import Final

RATES: Final = (23, 8, 5)
"""Those a taxpayer may charge now (VAT Act, art. 41 and 146ef), the basic one first."""
BASIC_RATE: Final = RATES[0]
"""Where no version of the rules says one."""
