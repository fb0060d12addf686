"""What the demo says to people: how to take part, and how to go on.

Owns the wording. Invariant: a command is named as this one was called, so that it can be typed as it stands.
"""

from __future__ import annotations

from ops.place.running import RunningNote
from ops.program import called_as
from simulators.city.example import CITIES, EXAMPLE_CARD, HAND_TERMINAL, development_key
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
    """Return the terminals and cards that the load leaves alone: of each city one of each kind there is."""
    kept = [city.hand_cards() for city in CITIES]
    rows = [
        ("no load touches", *(city.code for city in CITIES)),
        ("terminal", *(str(city.hand_terminal) for city in CITIES)),
        ("a card for you", *(city.example_card for city in CITIES)),
        *((word, *(cards.get(kind, "–") for cards in kept)) for kind, word in _STATE.items()),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


_STATE = {
    Peculiarity.BLOCKED: "  blocked",
    Peculiarity.EXPIRED: "  expired",
    Peculiarity.REPLACED: "  replaced",
    Peculiarity.RETAIN: "  wanted: to be retained, or blocked",
    Peculiarity.LAPSED: "  entitlement ended",
}


def farewell(running: RunningNote) -> list[str]:
    """Return the ports that were used, the cards for people, and commands to go on with."""
    http = ", ".join(running.http)
    here, last = called_as(), CITIES[-1]
    looking = f"{here} terminal verify --terminal {last.hand_terminal} --card {last.example_card}"
    commands = {
        f"{here} up": "the switch stays up, with a light load",
        f"{here} terminal": "be a terminal of it, in another window",
        looking: f"what {last.code} grants that card",
        f"{here} ledger history {EXAMPLE_CARD}": "the card on the receipt",
    }
    width = max(map(len, commands))
    return [
        f"Ports used: {running.host}:{running.port} for terminals, {http} for metrics and health.",
        *cards_for_people(),
        "Next:",
        *(f"  {command:<{width}}   {what}" for command, what in commands.items()),
    ]
