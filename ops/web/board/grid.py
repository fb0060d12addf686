"""The grid of partners: one field each, by whether his terminals are on line and when they were last heard.

Owns the order and the states. Pure. Must not know words. Invariants: Main Partners come first (programme
documents, A); no count of a partner is shown, nor whose card it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.registry.overview import PartnerSeen
from ledger.registry.reads import Status
from ops.web.board.books import Known

FIELDS_MAX: Final = 2_000
SILENT, ON_LINE, TODAY, EARLIER, NEVER, STOPPED = STATES = "qltszb"
"""The first of them that holds for any terminal of a partner holds for the partner."""


class Grid(NamedTuple):
    """The partners in order, what they are called, and a letter of `STATES` for each."""

    names: Sequence[str]
    states: str
    more: int
    """Partners beyond `FIELDS_MAX`."""


def grid_of(known: Known) -> Grid:
    """Return the grid of what is known."""
    states = partner_states(known)
    order = sorted(known.partners.values(), key=_order)
    shown = order[:FIELDS_MAX]
    return Grid(
        [partner.name for partner in shown],
        "".join(states[partner.id] for partner in shown),
        len(order) - len(shown),
    )


def _order(partner: PartnerSeen) -> tuple[int, bool, str, int]:
    return partner.programme, not partner.main_partner, partner.name, partner.id


def partner_states(known: Known) -> dict[int, str]:
    """Return each partner's state, by his terminals'."""
    today_ms = {row.id: row.today_ms for row in known.programmes.values()}
    best: dict[int, str] = {}
    for terminal in known.terminals.values():
        partner = known.partners.get(terminal.partner)
        if partner is None or terminal.status != Status.ACTIVE:
            continue
        state = terminal_state(known, terminal.id, today_ms.get(partner.programme, 0))
        best[partner.id] = min(state, best.get(partner.id, STOPPED), key=STATES.index)
    return {
        partner.id: best.get(partner.id, STOPPED) if partner.status == Status.ACTIVE else STOPPED
        for partner in known.partners.values()
    }


def terminal_state(known: Known, terminal: int, today_ms: int) -> str:
    """Return the state of one terminal, as its worker tells of it; `today_ms`: since when it is today."""
    if terminal in known.silent:
        return SILENT
    presence = known.presence.get(terminal)
    if presence is None or (presence.seen_ms is None and not presence.on_line):
        return NEVER
    if presence.on_line:
        return ON_LINE
    return TODAY if (presence.seen_ms or 0) >= today_ms else EARLIER


def counted(states: Iterable[str]) -> Mapping[str, int]:
    """Return how often each state occurs, in the order of `STATES`."""
    found = Counter(states)
    return {state: found[state] for state in STATES}
