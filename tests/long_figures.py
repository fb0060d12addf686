"""Figures too long for a number of 32 bits, of 64 bits, and for Python itself, in the gaps of an address."""

import re
from collections.abc import Mapping

from ops.web.numbers import FIGURES_MAX

LONGEST = "9" * 4_500
LONG = ("9" * 10, "9" * FIGURES_MAX, "9" * 19, "9" * 30, LONGEST, "0" * 4_500)
_GAP = re.compile(r"\{(\w+)(?::\w+)?\}")


def gaps(path: str) -> list[str]:
    """The names of a route's gaps."""
    return _GAP.findall(path)


def filled(path: str, values: Mapping[str, str]) -> str:
    """A route's path with values for its gaps; 1 where there is none."""
    return _GAP.sub(lambda gap: values.get(gap[1], "1"), path)
