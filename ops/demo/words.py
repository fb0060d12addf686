"""What the demo says to people: how to take part, and how to go on.

Owns the wording. Invariant: a command is named as this one was called, so that it can be typed as it stands.
"""

from __future__ import annotations

from ops.place.running import RunningNote
from ops.program import called_as
from simulators.city.example import CZESTOCHOWA_CITY, EXAMPLE_CARD, HAND_TERMINAL, development_key
from simulators.city.population import Peculiarity


def invitation(running: RunningNote) -> list[str]:
    """Return how to take part while it runs."""
    key = development_key(HAND_TERMINAL)
    assert key is not None
    return [
        f"terminals: {running.host}:{running.port}   metrics: {running.http[0]}/metrics",
        f"a terminal for you: number {HAND_TERMINAL}, key {key.hex()} (development)",
        *cards_for_people(),
        f"in another window: {called_as()} terminal",
    ]


def cards_for_people() -> list[str]:
    """Return the numbers of the cards that the load leaves alone, one of each kind."""
    wrong = {kind: card for kind, card in CZESTOCHOWA_CITY.hand_cards().items() if kind in _STATE}
    return [
        f"a card for you: {EXAMPLE_CARD} (no load touches these)",
        *(f"  one that is {_STATE[kind]:<14} {card}" for kind, card in wrong.items()),
    ]


_STATE = {
    Peculiarity.BLOCKED: "blocked",
    Peculiarity.EXPIRED: "expired",
    Peculiarity.REPLACED: "replaced",
    Peculiarity.RETAIN: "to be retained",
}


def farewell(running: RunningNote) -> list[str]:
    """Return the ports that were used, the cards for people, and three commands to go on with."""
    http = ", ".join(running.http)
    here = called_as()
    commands = {
        f"{here} up": "the switch stays up, with a light load",
        f"{here} terminal": "be a terminal of it, in another window",
        f"{here} ledger history {EXAMPLE_CARD}": "the card on the receipt",
    }
    width = max(map(len, commands))
    return [
        f"Ports used: {running.host}:{running.port} for terminals, {http} for metrics and health.",
        *cards_for_people(),
        "Next:",
        *(f"  {command:<{width}}   {what}" for command, what in commands.items()),
    ]
