"""Offers in the registry of a test: those that the published scenarios count on, and any other."""

from datetime import UTC, datetime
from typing import Any

from ledger.postgres.database import Connection
from ledger.registry.offers import NewOffer, import_offers, publish_draft
from ledger.registry.partners import NewPartner, import_partners
from switch.rules.offers import Offer, encode_offer, read_offer
from tests.ledger.books import TESTER

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
ONCE_A_DAY = {"per": "card_and_offer", "uses": 1, "every": "day"}


def an_offer(
    number: int,
    *benefits: dict[str, Any],
    partner: int = 1,
    name: str = "Oferta",
    words: dict[str, str] | None = None,
    **more: Any,
) -> Offer:
    """An offer with these benefits: free entry for everybody, if there are none."""
    words = {"pl": name, "en": f"{name} (en)"} if words is None else words
    told = {"number": number, "partner": partner, "name": words, "text": words}
    return read_offer({**told, "benefits": benefits or ({"kind": "free_entry"},), **more})


def draft_of(offer: Offer) -> NewOffer:
    """Return an offer as it is imported."""
    return NewOffer(offer.number, offer.partner, offer.outlets, encode_offer(offer))


async def publish(
    connection: Connection, *offers: Offer, programme: int = 1, since: datetime = SINCE
) -> None:
    """Let offers hold since a moment."""
    done = await import_offers(connection, TESTER, programme, map(draft_of, offers))
    assert not done.refused
    for one in offers:
        await publish_draft(connection, TESTER, programme=programme, number=one.number, effective_from=since)


PUBLISHED = (
    an_offer(7, {"kind": "percent", "percent": 10}, limits=[ONCE_A_DAY]),
    an_offer(8, {"kind": "amount_off", "off_grosze": 500}, combines=False),
    an_offer(9, {"kind": "percent", "percent": 5, "flags": ["family"]}),
    an_offer(10, {"kind": "percent", "percent": 5}, to="2020-12-31"),
    an_offer(11, {"kind": "percent", "percent": 5}, partner=2),
    an_offer(12),
)
"""What protocol/scenarios.json says of them."""


async def publish_published(connection: Connection) -> None:
    """Publish those, with another partner for one of them."""
    await import_partners(connection, TESTER, 1, [NewPartner(2, "Kino")])
    await publish(connection, *PUBLISHED)
