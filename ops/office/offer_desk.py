"""The drafts of offers at a desk: kept by a form or a text, changed, and given a last day.

Owns the use cases. Must not write SQL nor know what terms mean. Invariant: a draft holds nowhere; what is to
hold is proposed and approved (`offer_publishing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.audit import Actor
from ledger.registry.imports import Mode
from ledger.registry.offers import drafts_of, list_offers, offer_versions
from ops.office.publish_offers import keep_drafts
from switch.rules.offer_faults import OfferError
from switch.rules.offers import Offer, decode_offer, parse_offers

DRAFTS_MAX: Final = 200
"""So many drafts are shown, and published, at a time."""


@dataclass(frozen=True)
class OfferDesk:
    """Where the offers of one programme are written."""

    database: Database
    programme: int
    code: str

    async def page(self, after: int = 0, limit: int = 50, partner: int | None = None) -> list[Any]:
        """Return a page of offers with all their versions, by number."""
        return await self.database.run(
            lambda c: list_offers(c, self.programme, after=after, limit=limit, partner=partner)
        )

    async def drafts(self) -> list[Any]:
        """Return the drafts, and who wrote each."""
        return await self.database.run(lambda c: drafts_of(c, self.programme, DRAFTS_MAX))

    async def versions(self, number: int) -> list[Any]:
        """Return the versions of an offer, the newest first. Raises NotInRegistry."""
        rows = await self.database.run(lambda c: offer_versions(c, self.programme, number))
        if not rows:
            raise NotInRegistry("there is no offer {number}", number=number)
        return rows

    async def keep(self, actor: Actor, offers: Sequence[Offer]) -> int:
        """Keep offers as drafts, all or none; return how many changed. Raises RegistryRefused."""
        now = _now()
        done = await self.database.run(
            lambda c: keep_drafts(c, actor, self.programme, offers, Mode.WHOLE, now=now)
        )
        if done.refused:
            number, key, reason = done.refused[0]
            raise RegistryRefused("offer {number}: {column}: {why}", number=number, column=key, why=reason)
        return done.added

    async def keep_one(self, actor: Actor, offer: Offer, changes: int | None = None) -> int:
        """Keep the draft of one offer: a new one, or a change of the one numbered `changes`. Raises
        RegistryRefused where its number is another offer's.
        """
        there = await self.database.run(lambda c: offer_versions(c, self.programme, offer.number))
        if there and offer.number != changes:
            raise RegistryRefused(
                "offer {number} is there already: change it on its own page, or take another number",
                number=offer.number,
            )
        return await self.keep(actor, [offer])

    async def keep_text(self, actor: Actor, text: str) -> int:
        """Keep the offers of a text as `offers import` reads it. Raises RegistryRefused."""
        try:
            parsed = parse_offers(text.encode(), source="the text")
        except OfferError as error:
            raise RegistryRefused("{why}", why=error.phrase) from None
        if parsed.programme != self.code:
            raise RegistryRefused("key 'programme': its offers are of another programme")
        return await self.keep(actor, parsed.offer)

    async def end(self, actor: Actor, number: int, last_day: date) -> int:
        """Write a draft by which an offer ends with a day; it counts once it is published."""
        newest = decode_offer((await self.versions(number))[0]["terms"])
        if newest.from_day is not None and last_day < newest.from_day:
            raise RegistryRefused("the last day comes before the first")
        return await self.keep(actor, [msgspec.structs.replace(newest, to_day=last_day)])


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
