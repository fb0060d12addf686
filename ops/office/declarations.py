"""The office's work with what partners declare: judged by the programme's rules before anybody reads it.

Owns the use cases of a partner: what it has on offer, what it declared. Must not know pages; who decides is
`ledger.registry.offer_declarations`. Invariants: everything is of the one partner it was made for; nothing is
declared that the rules do not allow, or that nobody could get.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection, Database
from ledger.registry import offer_declarations as kept
from ledger.registry.audit import Actor, writing
from ledger.registry.offer_declarations import Declaration
from ledger.registry.offers import OfferState, list_offers, offer_versions
from ledger.registry.outlets import list_outlets
from ops.office.publish_offers import held_at, rules_in_force
from ops.office.seen import ChangedSince
from switch.clock import clock_ms
from switch.rules.offer_checks import check_offer, is_over
from switch.rules.offers import Offer, decode_offer, encode_offer, read_offer
from switch.rules.programme import Rules

ROWS_MAX: Final = 1_000
Stand = Literal["draft", "announced", "published", "ended", "withdrawn"]


class OwnOffer(NamedTuple):
    """An offer of a partner as it stands now; `has_draft`: another version waits to be published."""

    offer: Offer
    stand: Stand
    has_draft: bool


@dataclass(frozen=True)
class PartnerOffice:
    """Where one partner's offers are."""

    database: Database
    programme: int
    partner: int

    async def rules(self) -> Rules:
        """Return the rules of the programme now."""
        return await self.database.run(lambda c: rules_in_force(c, self.programme, _now()))

    async def outlets(self) -> list[Any]:
        """Return the partner's outlets."""
        return await self.database.run(lambda c: list_outlets(c, partner=self.partner, limit=ROWS_MAX))

    async def offers(self) -> list[OwnOffer]:
        """Return the partner's offers, by number."""

        async def job(connection: Connection) -> list[OwnOffer]:
            rules = await rules_in_force(connection, self.programme, _now())
            rows = await list_offers(connection, self.programme, partner=self.partner, limit=ROWS_MAX)
            own = [row for row in rows if row["partner"] == self.partner]
            return [_own(list(group), rules) for _, group in groupby(own, key=lambda row: row["number"])]

        return await self.database.run(job)

    async def newest(self, number: int) -> Offer:
        """Return an offer of the partner's as its newest version says. Raises NotInRegistry."""
        return await self.database.run(lambda c: self._newest(c, number))

    async def declarations(self) -> list[Any]:
        """Return what the partner declared, the newest first."""
        return await self.database.run(lambda c: kept.declarations_of(c, self.partner))

    async def declare(self, actor: Actor, values: Mapping[str, Any], was: Offer | None, note: str) -> int:
        """Declare an offer, or a change of one, which `was` so; return the declaration's number.

        Raises RegistryRefused, or `OfferError` naming the key; `ChangedSince` where it is otherwise by now.
        """

        async def job(connection: Connection) -> int:
            async with writing(connection, actor):
                rules = await rules_in_force(connection, self.programme, _now())
                if was is not None and await self._newest(connection, was.number) != was:
                    raise ChangedSince
                which = was.number if was else await kept.next_offer(connection, self.programme)
                offer = read_offer({**values, "number": which, "partner": self.partner})
                check_offer(offer, rules, _wall(rules))
                declaration = Declaration(self.programme, which, offer.outlets, encode_offer(offer), note)
                return await kept.declare(connection, actor, self.partner, declaration)

        return await self.database.run(job)

    async def take_back(self, actor: Actor, number: int) -> None:
        """Take a declaration back. Raises RegistryRefused."""
        await self.database.run(lambda c: kept.take_back(c, actor, self.partner, number))

    async def _newest(self, connection: Connection, number: int) -> Offer:
        rows = await offer_versions(connection, self.programme, number)
        if not rows or rows[0]["partner"] != self.partner:
            raise NotInRegistry("there is no offer {number}", number=number)
        return decode_offer(rows[0]["terms"])


def _own(rows: list[Any], rules: Rules) -> OwnOffer:
    newest = rows[0]
    offer = decode_offer(newest["terms"])
    has_draft = newest["state"] == OfferState.DRAFT
    held = held_at(rows, _now())
    if held is not None:
        return OwnOffer(held, "ended" if is_over(held, _wall(rules)) else "published", has_draft)
    if any(row["state"] == OfferState.PUBLISHED and row["effective_from"] > _now() for row in rows):
        return OwnOffer(offer, "announced", has_draft)
    return OwnOffer(offer, "withdrawn" if len(rows) > has_draft else "draft", has_draft)


def _now() -> datetime:
    return datetime.fromtimestamp(clock_ms() / 1_000, UTC)


def _wall(rules: Rules) -> datetime:
    return _now().astimezone(ZoneInfo(rules.programme.time_zone))
