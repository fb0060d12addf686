"""One receipt of each city, printed at the terminals and with the cards that no fleet uses.

Owns what is sold for them: points where the programme has them, else a benefit that VERIFY says holds for
the card. What is shown went the whole way. Must not know a city by name but for the language: one of them is
printed in English.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from ops.errors import CommandError
from ops.place.options import Place
from ops.till.receipt_paper import paper
from ops.till.terminal import TillOptions, open_terminal
from protocol import TYPE_OF, Check, Earn, TransactionReply
from simulators.city.example import CITIES, City
from simulators.city.population import Peculiarity
from simulators.errors import StoreError, TerminalError
from simulators.till.terminal import PosTerminal

EXAMPLE_AMOUNT_GROSZE: Final = 4_590
IN_ENGLISH: Final = CITIES[1]
CARDS_MAX: Final = 50
"""So many cards are tried: those of earlier runs may have used their benefits up."""


class Printed(NamedTuple):
    """A receipt as paper, or why there is none."""

    city: str
    paper: str
    why_not: str = ""


async def receipts(place: Place) -> AsyncIterator[Printed]:
    """Yield one receipt of each city."""
    for city in CITIES:
        till = TillOptions(terminal=city.hand_terminal, language="en" if city is IN_ENGLISH else "pl")
        try:
            async with open_terminal(till, place) as terminal:
                reply = await _sell(terminal, city)
                partner = terminal.programme.partner_name if terminal.programme else ""
        except (StoreError, TerminalError, CommandError) as error:
            # Somebody works at that terminal, or has blocked it: their right.
            yield Printed(city.code, "", str(error))
            continue
        yield Printed(
            city.code, paper(reply.receipt, partner=partner, terminal=city.hand_terminal, stan=reply.stan)
        )


async def _sell(terminal: PosTerminal, city: City) -> TransactionReply:
    programme = await terminal.connect()
    if TYPE_OF[Earn] in programme.operations:
        return await terminal.earn(city.example_card, EXAMPLE_AMOUNT_GROSZE)
    card, offer = city.example_card, programme.offers[0][0] if programme.offers else 1
    population = city.population
    for index in range(city.fleet_cards, city.fleet_cards + CARDS_MAX):
        if population.peculiarity(index) is not Peculiarity.NONE:
            continue
        verified = await terminal.verify(population.card_digits(index))
        if left := [number for number, *_ in verified.benefits]:
            card, offer = population.card_digits(index), left[0]
            break
    return await terminal.benefit(
        card, offer, EXAMPLE_AMOUNT_GROSZE, confirmed=Check.PHOTO_ID | Check.NO_OTHER_DISCOUNT
    )
