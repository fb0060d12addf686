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
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import PAGE_ROWS_MAX
from ledger.registry.imports import Import, Mode
from ledger.registry.offers import drafts_of, list_offers, offer_versions
from ledger.registry.outlets import list_outlets
from ops.office.offer_form import EMPTY, field_of, fields_of
from ops.office.offer_words import OfferWords
from ops.office.publish_offers import keep_drafts
from ops.office.rules_in_force import coming_or_in_force
from ops.office.seen import Seen, check_seen
from switch.rules.offer_faults import OfferError
from switch.rules.offers import Offer, decode_offer, parse_offers
from switch.rules.programme import Rules

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
        return _added(
            await self.database.run(
                lambda c: keep_drafts(c, actor, self.programme, offers, Mode.WHOLE, now=now)
            )
        )

    async def keep_one(
        self, actor: Actor, offer: Offer, changes: int | None = None, seen: Seen | None = None
    ) -> int:
        """Keep the draft of one offer: a new one, or a change of the one numbered `changes`, as it was `seen`
        in its form.

        Raises RegistryRefused where its number is another offer's, and by a field of the form for what the
        rules do not allow; `ChangedSince`.
        """

        async def job(connection: Connection) -> Import:
            async with writing(connection, actor):
                there = await offer_versions(connection, self.programme, offer.number)
                if there and offer.number != changes:
                    raise RegistryRefused(
                        "offer {number} is there already: change it on its own page, or take another number",
                        number=offer.number,
                    )
                if there:
                    stands = fields_of(decode_offer(there[0]["terms"]))
                    check_seen(seen or {}, (stands or EMPTY).shown())
                return await keep_drafts(connection, actor, self.programme, [offer], Mode.WHOLE, now=_now())

        done = await self.database.run(job)
        if done.refused:
            _, key, reason = done.refused[0]
            raise RegistryRefused("{column} {why}", column=field_of(key or "number"), why=reason)
        return done.added

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

        async def job(connection: Connection) -> Import:
            async with writing(connection, actor):
                rows = await offer_versions(connection, self.programme, number)
                if not rows:
                    raise NotInRegistry("there is no offer {number}", number=number)
                newest = decode_offer(rows[0]["terms"])
                if newest.from_day is not None and last_day < newest.from_day:
                    raise RegistryRefused("the last day comes before the first")
                ended = [msgspec.structs.replace(newest, to_day=last_day)]
                return await keep_drafts(connection, actor, self.programme, ended, Mode.WHOLE, now=_now())

        return _added(await self.database.run(job))

    async def words(self, language: str) -> OfferWords:
        """Return in which words offers are told in a language; of outlets the first thousand by name."""
        rules = await self.rules()
        outlets = await self.database.run(lambda c: list_outlets(c, limit=PAGE_ROWS_MAX))
        return OfferWords(rules, language, {row["id"]: row["name"] for row in outlets})

    async def rules(self) -> Rules:
        """Return the rules by which offers are judged."""
        return (await coming_or_in_force(self.database, self.programme)).rules


def _added(done: Import) -> int:
    """Return how many drafts changed. Raises RegistryRefused."""
    if done.refused:
        number, key, reason = done.refused[0]
        if not key:  # it is the offer as a whole
            raise RegistryRefused("offer {number}: {why}", number=number, why=reason)
        raise RegistryRefused("offer {number}: {column}: {why}", number=number, column=key, why=reason)
    return done.added


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
