"""Offers at a desk: drafts kept, what publishing would change, and published by another person.

Owns the use cases. Must not write SQL nor know what terms mean. Invariants: what changes what holds also
writes the public list, which stands beside its place before it counts; a preview changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from ledger.errors import LedgerError, NotInRegistry, RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.imports import Mode
from ledger.registry.offers import (
    OfferState,
    Public,
    drafts_of,
    list_offers,
    offer_versions,
    read_public,
)
from ops.office.acting import with_reason
from ops.office.public_list import PublicFiles, public_list
from ops.office.publish_offers import SPREAD, Done, keep_drafts, publish_offers, rules_in_force
from switch.rules.offers import Offer, OfferError, decode_offer, parse_offers
from switch.rules.programme import Rules

PUBLISHED_MAX: Final = 200
"""So many drafts are published at a time."""


class Change(NamedTuple):
    """What publishing would change of one offer in the public list: each key before and after."""

    number: int
    is_new: bool
    keys: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class OfferDesk:
    """Where the offers of one programme are dealt with; `folder`: of the public list, below which each
    programme has its own.
    """

    database: Database
    programme: int
    code: str
    folder: Path | None

    async def page(self, after: int = 0, limit: int = 50, partner: int | None = None) -> list[Any]:
        """Return a page of offers with all their versions, by number."""
        return await self.database.run(
            lambda c: list_offers(c, self.programme, after=after, limit=limit, partner=partner)
        )

    async def drafts(self) -> list[Any]:
        """Return the drafts, and who wrote each."""
        return await self.database.run(lambda c: drafts_of(c, self.programme, PUBLISHED_MAX))

    async def versions(self, number: int) -> list[Any]:
        """Return the versions of an offer, the newest first. Raises NotInRegistry."""
        rows = await self.database.run(lambda c: offer_versions(c, self.programme, number))
        if not rows:
            raise NotInRegistry(f"there is no offer {number}")
        return rows

    async def keep(self, actor: Actor, offers: Sequence[Offer]) -> int:
        """Keep offers as drafts, all or none; return how many changed. Raises RegistryRefused."""
        now = _now()
        done = await self.database.run(
            lambda c: keep_drafts(c, actor, self.programme, offers, Mode.WHOLE, now=now)
        )
        if done.refused:
            number, key, reason = done.refused[0]
            raise RegistryRefused(f"offer {number}: {key}: {reason}")
        return done.added

    async def keep_text(self, actor: Actor, text: str) -> int:
        """Keep the offers of a text as `offers import` reads it. Raises RegistryRefused."""
        try:
            parsed = parse_offers(text.encode(), source="the text")
        except OfferError as error:
            raise RegistryRefused(str(error)) from None
        if parsed.programme != self.code:
            raise RegistryRefused("key 'programme': its offers are of another programme")
        return await self.keep(actor, parsed.offer)

    async def end(self, actor: Actor, number: int, last_day: date) -> int:
        """Write a draft by which an offer ends with a day; it counts once it is published."""
        newest = decode_offer((await self.versions(number))[0]["terms"])
        if newest.from_day is not None and last_day < newest.from_day:
            raise RegistryRefused("the last day comes before the first")
        return await self.keep(actor, [msgspec.structs.replace(newest, to_day=last_day)])

    async def preview(self, numbers: Sequence[int], from_day: date | None) -> list[Change]:
        """Return what the public list would say otherwise, were these drafts published."""
        now = _now()

        async def job(connection: Connection) -> tuple[Rules, Public, list[Any]]:
            rules = await rules_in_force(connection, self.programme, now)
            drafts = await drafts_of(connection, self.programme, PUBLISHED_MAX)
            return rules, await read_public(connection, self.programme), drafts

        rules, public, drafts = await self.database.run(job)
        moment = _moment(from_day, rules) or now + SPREAD
        chosen = [
            {**dict(row), "state": int(OfferState.PUBLISHED), "effective_from": moment}
            for row in drafts
            if row["number"] in numbers
        ]
        then = public._replace(versions=[*public.versions, *chosen])
        before, after = (_offers(public_list(each, rules, moment)) for each in (public, then))
        return [
            Change(number, number not in before, _differing(before.get(number, {}), after.get(number, {})))
            for number in sorted(before.keys() | after.keys())
            if before.get(number) != after.get(number)
        ]

    async def publish(
        self, actor: Actor, numbers: Sequence[int], from_day: date | None, *, urgent: bool = False
    ) -> list[Done]:
        """Let drafts hold from a day on (None: at once), all or none, and write the public list.

        Raises RegistryRefused, also where the actor wrote one of them.
        """
        if not 1 <= len(numbers) <= PUBLISHED_MAX:
            raise RegistryRefused(f"from 1 to {PUBLISHED_MAX} drafts are published at a time")
        if self.folder is None:
            raise RegistryRefused("this site was not told where the public list goes")
        folder = self.folder / self.code
        if urgent:
            with_reason(actor)
        now = _now()
        files: PublicFiles | None = None

        async def job(connection: Connection) -> list[Done]:
            nonlocal files
            rules = await rules_in_force(connection, self.programme, now)
            moment = _moment(from_day, rules)
            async with connection.transaction():
                done = await publish_offers(
                    connection, actor, self.programme, numbers, moment, now=now, urgent=urgent
                )
                listed = public_list(await read_public(connection, self.programme), rules, now)
                files = PublicFiles(folder, listed, rules)
                files.write_beside()
            return done

        try:
            done = await self.database.run(job)
        except (OfferError, OSError, LedgerError) as error:
            if files is not None:
                files.remove()
            raise _told(error) from None
        assert files is not None
        files.put_in_place()
        return done


def _told(error: Exception) -> Exception:
    """Return a failure as a page tells it; what is none of who asks stays what it is."""
    if isinstance(error, OSError):
        return RegistryRefused(f"the public list cannot be written ({error.strerror}): nothing was changed")
    if isinstance(error, OfferError):
        return RegistryRefused(re.sub(r"\s+", " ", str(error))[:300])
    if isinstance(error, StatementRefused):
        return RegistryRefused("another person publishes an offer than wrote its draft")
    return error


def _offers(listed: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the offers of a public list by number, without what every publishing changes."""
    return {
        offer["number"]: {key: value for key, value in offer.items() if key not in ("version", "valid_until")}
        | {"partner": partner["number"]}
        for partner in listed["partners"]
        for offer in partner["offers"]
    }


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        key: (_text(before.get(key)), _text(after.get(key)))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    }


def _text(value: Any) -> str:
    return "" if value is None else msgspec.json.encode(value).decode().strip('"')


def _moment(day: date | None, rules: Rules) -> datetime | None:
    """Return the first moment of a day in the programme's zone."""
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(rules.programme.time_zone))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
