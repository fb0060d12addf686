"""A terminal of a partner, for decisions that are tried by themselves."""

from switch.rules.directory import Partner, Terminal


def till(partner: Partner, *, outlet: int = 0, number: int = 70) -> Terminal:
    """Return a terminal that stands at a partner's."""
    terminal = Terminal(number)
    terminal.partner, terminal.outlet = partner, outlet
    partner.terminals.add(number)
    return terminal
