"""The public list of a programme: its partners, their outlets and their offers with every limit.

Owns what stands in it and how its files are written (the page is `public_page`'s). It is made of the very
rows that workers are told, so what is published is what is enforced (Żywiec § 4: only what the published list
names is granted), without those whose days are over. Must not decide who may publish. Invariants: main
partners come first, and a reader finds the old files or the new ones, never half of one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from ledger.registry.offers import OfferState, Public
from ledger.registry.reads import Status
from ops.office.public_page import public_page
from switch.rules.offer_checks import is_over
from switch.rules.offers import Offer, decode_offer
from switch.rules.programme import Rules

JSON_NAME: Final = "offers.json"
PAGE_NAME: Final = "offers.html"
OFFERS_KEPT: Final = 4_096


class Held(NamedTuple):
    """One version of an offer and when it holds; `until` None: until another is published."""

    offer: Offer
    version: int
    since: datetime
    until: datetime | None


@lru_cache(maxsize=OFFERS_KEPT)
def offer_of(terms: str) -> Offer:
    """Return the offer of a text, read once: everybody's page is of the same hundreds."""
    return decode_offer(terms)


def held_versions(versions: Iterable[Mapping[str, Any]], now: datetime) -> list[Held]:
    """Return what holds now and what is announced, by number and moment."""
    by_number: dict[int, list[Mapping[str, Any]]] = {}
    for row in versions:
        by_number.setdefault(row["number"], []).append(row)
    held = []
    for rows in by_number.values():
        rows.sort(key=lambda row: (row["effective_from"], row["version"]))
        ends = [row["effective_from"] for row in rows[1:]]
        for row, until in zip(rows, [*ends, None], strict=True):
            is_past = until is not None and (until <= now or until <= row["effective_from"])
            if row["state"] == OfferState.PUBLISHED and not is_past:
                held.append(Held(offer_of(row["terms"]), row["version"], row["effective_from"], until))
    return held


def public_list(public: Public, rules: Rules, now: datetime) -> dict[str, Any]:
    """Return the list of a programme at a moment, ready for JSON; what it holds is in `public`."""
    zone = ZoneInfo(rules.programme.time_zone)

    def moment(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(zone).isoformat()

    offers: dict[int, list[dict[str, Any]]] = {}
    wall = now.astimezone(zone)
    for held in held_versions(public.versions, now) if rules.benefits else ():
        if is_over(held.offer, wall):
            continue
        told = msgspec.to_builtins(held.offer)
        del told["partner"]
        told |= {"version": held.version, "valid_from": moment(held.since), "valid_until": moment(held.until)}
        offers.setdefault(held.offer.partner, []).append(told)
    outlets: dict[int, list[dict[str, Any]]] = {}
    for row in public.outlets:
        outlet = {"number": row["id"], "name": row["name"], "address": row["address"]}
        outlets.setdefault(row["partner"], []).append(outlet)
    partners = [
        {
            "number": row["id"],
            "name": row["name"],
            "main_partner": row["main_partner"],
            "outlets": outlets.get(row["id"], []),
            "offers": offers.get(row["id"], []),
        }
        for row in sorted(public.partners, key=lambda row: (not row["main_partner"], row["id"]))
        if row["status"] == Status.ACTIVE
    ]
    quotas = rules.limits.quotas if rules.limits else ()
    return {
        "programme": {"code": rules.programme.code, "name": rules.programme.name},
        "published": moment(now),
        "identity": rules.benefits.identity if rules.benefits else "none",
        "limits": [
            {
                "per": quota.per,
                "uses": quota.uses,
                "every": quota.period,
                "for": quota.kinds,
                "flags": quota.flags,
            }
            for quota in quotas
        ],
        "partners": partners,
    }


class PublicFiles:
    """The two files of a list in a folder: written beside their places, and put there together."""

    def __init__(self, folder: Path, listed: Mapping[str, Any], rules: Rules) -> None:
        document = msgspec.json.format(msgspec.json.encode(listed), indent=2)
        self._texts = {
            folder / JSON_NAME: document + b"\n",
            folder / PAGE_NAME: public_page(listed, rules).encode(),
        }
        self._beside: dict[Path, Path] = {}

    def write_beside(self) -> None:
        """Write both next to their places, through to the disk. Raises OSError, and leaves nothing then."""
        try:
            for place, data in self._texts.items():
                place.parent.mkdir(parents=True, exist_ok=True)
                beside = place.with_name(f".{place.name}.{os.getpid()}")
                self._beside[place] = beside
                with beside.open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError:
            self.remove()
            raise

    def put_in_place(self) -> None:
        """Replace the old files. Raises OSError."""
        for place, beside in self._beside.items():
            os.replace(beside, place)
        self._beside.clear()

    def remove(self) -> None:
        """Remove what stands beside."""
        for beside in self._beside.values():
            with contextlib.suppress(OSError):
                os.unlink(beside)
        self._beside.clear()
