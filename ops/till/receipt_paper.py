"""A receipt as the terminal's printer would show it: 58 mm paper, 32 characters a line, drawn as a box.

Owns the layout around the switch's text: the shop's sign, terminal, STAN and time above it. Must not know
how the text was made. Invariant: every line of the box is equally wide, whatever the text.
"""

from __future__ import annotations

import textwrap
from datetime import datetime

COLUMNS = 32
"""Characters a line on 58 mm thermal paper with the usual 12x24 font."""


def paper(receipt: str, *, partner: str, terminal: int, stan: int, time_ms: int) -> str:
    """Return the box. `time_ms` is the switch's clock (ms since 1970), shown in local time.

    `receipt` is the text of the reply; lines longer than the paper are wrapped at words.
    """
    moment = datetime.fromtimestamp(time_ms / 1000).astimezone()
    head = [
        *(line.center(COLUMNS) for line in _wrap(partner)),
        f"Terminal {terminal}".ljust(COLUMNS - 11) + f"STAN {stan:06d}".rjust(11),
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        "-" * COLUMNS,
    ]
    body = [wrapped for line in receipt.split("\n") for wrapped in _wrap(line)]
    edge = "─" * (COLUMNS + 2)
    return "\n".join([f"┌{edge}┐", *(f"│ {line:<{COLUMNS}} │" for line in head + body), f"└{edge}┘"])


def _wrap(line: str) -> list[str]:
    return textwrap.wrap(line, COLUMNS) or [""]
