"""A receipt as the terminal's printer would show it: 58 mm paper, 32 characters a line, drawn as a box.

Owns the layout around the switch's text: the shop's sign, terminal and STAN above it. Must not know how the
text was made; it holds the time of the city, whatever the zone of this machine. Invariant: every line of the
box is equally wide, whatever the text.
"""

from __future__ import annotations

from switch.rules.text import columns, wrap

COLUMNS = 32
"""Characters a line on 58 mm thermal paper with the usual 12x24 font."""


def paper(receipt: str, *, partner: str, terminal: int, stan: int) -> str:
    """Return the box. `receipt` is the text of the reply; lines longer than the paper are wrapped."""
    head = [
        *(" " * ((COLUMNS - columns(line)) // 2) + line for line in wrap(partner, COLUMNS)),
        f"Terminal {terminal}".ljust(COLUMNS - 11) + f"STAN {stan:06d}".rjust(11),
        "-" * COLUMNS,
    ]
    body = [wrapped for line in receipt.split("\n") for wrapped in wrap(line, COLUMNS)]
    edge = "─" * (COLUMNS + 2)
    return "\n".join([f"┌{edge}┐", *(f"│ {_fill(line)} │" for line in head + body), f"└{edge}┘"])


def _fill(line: str) -> str:
    return line + " " * (COLUMNS - columns(line))
