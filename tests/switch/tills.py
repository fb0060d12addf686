"""A terminal of a partner, for decisions that are tried by themselves."""

from typing import Final

from switch.rules.contract import Contract
from switch.rules.directory import Partner, Terminal

EVER: Final = Contract(0, -1_000_000, None)
"""A contract of a partner as a whole that has no end."""


def till(partner: Partner, *, outlet: int = 0, number: int = 70) -> Terminal:
    """Return a terminal that stands at a partner's."""
    terminal = Terminal(number)
    terminal.partner, terminal.outlet = partner, outlet
    partner.terminals.add(number)
    return terminal
