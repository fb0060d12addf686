"""What the page may be: the demo's terminals with their development keys, and cards to pick from.

Owns the choice of cards. **For development only**: keys and numbers follow from the demo's seed, so anybody
who reads this repository has them. Must not know a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from simulators.city.example import City
from simulators.city.holders import holder_of, kinds_on
from simulators.city.population import Peculiarity
from simulators.till.identity import TerminalIdentity
from switch.rules.programme import parse_rules

SOUND_CARDS: Final = 6
"""So many cards with nothing wrong; where holders have an age, neighbours are of every kind."""


def page_identity(city: City) -> TerminalIdentity:
    """Return who the page is in a city: a terminal that no fleet and no `cityswitch terminal` uses."""
    terminal = city.page_terminal
    return TerminalIdentity(terminal, city.population.terminal_key(terminal - city.population.terminal_id(0)))


def guide(cities: Sequence[City], software: str, today: date) -> bytes:
    """Return it as JSON: of each city who the page is there, and which cards there are on `today`."""
    return msgspec.json.encode({"software": software, "cities": [_city(city, today) for city in cities]})


def _city(city: City, today: date) -> dict[str, Any]:
    identity, place = page_identity(city), city.population.place
    return {
        "code": city.code,
        "name": parse_rules(place.rules_toml, source=place.code).programme.name,
        "terminal": identity.terminal,
        "generation": identity.generation,
        "key": identity.key.hex(),
        "cards": list(_cards(city, today)),
    }


def _cards(city: City, today: date) -> Iterator[dict[str, Any]]:
    population, shown, kinds_shown = city.population, 0, set()
    for index in range(city.fleet_cards, population.cards):
        kinds = tuple(sorted(kinds_on(holder_of(population, index), today)))
        if population.peculiarity(index) or shown == SOUND_CARDS or (kinds and kinds in kinds_shown):
            continue
        shown += 1
        kinds_shown.add(kinds)
        yield {"state": "SOUND", "holder": kinds, "track_2": population.track2(index)}
    for peculiarity in Peculiarity:
        digits = city.hand_cards().get(peculiarity)
        peculiar = population.index_of(digits) if digits and peculiarity else None
        if peculiar is None:
            continue
        yield {"state": peculiarity.name, "holder": [], "track_2": population.track2(peculiar)}
        if peculiarity is Peculiarity.REPLACED:
            duplicate = population.replacement_digits(peculiar)
            yield {"state": "DUPLICATE", "holder": [], "track_2": f";{duplicate}=4912101?"}
    yield {"state": "UNKNOWN", "holder": [], "track_2": f";{population.stranger_digits(1)}=4912101?"}
