"""Offers at a desk published and withdrawn: proposed, seen as they change, approved; by two persons where
the rules say so.

Owns the use cases. Must not write SQL nor know what terms mean. Invariants: what is approved is what was
proposed and seen: each named offer's terms are shown, on the list or not, and one that was changed since is
published by nobody; the public list stands beside its place before any of it counts, and where it cannot be
put there afterwards that is told, and the list is written anew; a preview changes nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import trio

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry import proposals
from ledger.registry.audit import Actor, writing
from ledger.registry.offers import OfferState, as_they_stand, offer_versions, read_public
from ledger.registry.proposals import TERMS_BYTES_MAX, Act, ProposalState
from ops.office.acting import with_reason
from ops.office.offer_desk import DRAFTS_MAX
from ops.office.public_list import PublicFiles, held_versions, public_list
from ops.office.publish_offers import (
    Done,
    Judge,
    When,
    publish_offers,
    rules_in_force,
    withdraw_offers,
    worse_if_published,
    worse_if_withdrawn,
)
from switch.rules.offer_faults import OfferError
from switch.rules.programme import Rules

T = TypeVar("T")
PUBLISH: Final[Act] = "publish_offers"
WITHDRAW: Final[Act] = "withdraw_offers"
ACTS: Final = (PUBLISH, WITHDRAW)
_OFFER_BYTES_MAX: Final = 96
"""Of an offer in a proposal: its number (8 digits) and `as_they_stand` (10 of a version, a state, 64)."""
_BESIDE_BYTES_MAX: Final = 256
assert DRAFTS_MAX * _OFFER_BYTES_MAX + _BESIDE_BYTES_MAX <= TERMS_BYTES_MAX, "all have room"
_ONE: Final = trio.CapacityLimiter(1)
"""One list is written at a time: an older one takes no newer one's place."""
_JUDGES: Final[Mapping[Act, Judge]] = {PUBLISH: worse_if_published, WITHDRAW: worse_if_withdrawn}
_WRITES: Final[Mapping[Act, Callable[..., Awaitable[list[Done]]]]] = {
    PUBLISH: publish_offers,
    WITHDRAW: withdraw_offers,
}


class Plan(NamedTuple):
    """What is to be done with which offers: from the beginning of a day on (None: at once)."""

    act: Act
    numbers: Sequence[int]
    from_day: date | None = None
    urgent: bool = False


class Terms(msgspec.Struct, frozen=True):
    """What a proposal keeps of a plan: each offer as it stood when it was proposed."""

    from_day: date | None
    urgent: bool
    offers: dict[int, str]


class Key(NamedTuple):
    """A key of an offer's terms; `on`: the day from which it says so, where that is a later one."""

    name: str
    on: date | None = None


class Change(NamedTuple):
    """What would change of one offer's terms: each key before and after (None: says nothing); no key: nothing
    changes.
    """

    number: int
    is_new: bool
    keys: dict[Key, tuple[Any, Any]]


class Shown(NamedTuple):
    """A proposal as it is looked at; of one that was decided there are no changes to see."""

    row: Any
    terms: Terms
    is_changed: bool
    """Whether an offer is another one than was proposed."""
    changes: list[Change]


@dataclass(frozen=True)
class PublishingDesk:
    """Where one programme's offers are published and withdrawn; `folder`: of the public lists, below which
    each programme has its own.
    """

    database: Database
    programme: int
    code: str
    folder: Path | None

    async def waiting(self) -> list[Any]:
        """Return the first proposals that wait to be approved."""
        return await self.database.run(lambda c: proposals.list_proposals(c, self.programme, ACTS))

    async def preview(self, plan: Plan) -> list[Change]:
        """Return what each of these offers would say otherwise, were this done."""
        return await self.database.run(lambda c: self._changes(c, plan))

    async def propose(self, actor: Actor, plan: Plan) -> int:
        """Propose it, where it could be done now; return the proposal's number.

        Raises RegistryRefused, also for what is urgent without a reason.
        """
        if not 1 <= len(plan.numbers) <= DRAFTS_MAX:
            raise RegistryRefused(
                "from 1 to {most} offers are published or withdrawn at a time", most=DRAFTS_MAX
            )
        if plan.urgent:
            with_reason(actor)
        self._place()
        now = _now()

        async def job(connection: Connection) -> int:
            async with writing(connection, actor):
                await self._not_waiting(connection, plan.numbers)
                rules = await rules_in_force(connection, self.programme, now)
                when = When(_moment(plan.from_day, rules), now, plan.urgent)
                await _JUDGES[plan.act](connection, rules, self.programme, plan.numbers, when)
                await self._check_seen(connection, plan)
                offers = await as_they_stand(connection, self.programme, plan.numbers)
                return await proposals.propose(
                    connection,
                    actor,
                    self.programme,
                    (plan.act, _subject(offers)),
                    msgspec.to_builtins(Terms(plan.from_day, plan.urgent, offers), str_keys=True),
                    second_needed=rules.of_second_person().offers,
                )

        return await _telling(self.database.run(job))

    async def show(self, number: int) -> Shown:
        """Return a proposal with what it would change. Raises NotInRegistry."""

        async def job(connection: Connection) -> Shown:
            row, terms = await _find(connection, number)
            if row["state"] != ProposalState.PROPOSED:
                return Shown(row, terms, is_changed=False, changes=[])
            stand = await as_they_stand(connection, self.programme, terms.offers)
            changes = await self._changes(connection, _plan_of(row, terms))
            return Shown(row, terms, stand != terms.offers, changes)

        return await self.database.run(job)

    async def approve(self, actor: Actor, number: int) -> list[Done]:
        """Approve it (as another person, where it wants one), do it, all or none, and write the public list.

        Raises NotInRegistry, RegistryRefused, also where an offer was changed since it was proposed; and
        where it is done, but the list could not be put in its place.
        """

        async def act(connection: Connection, now: datetime) -> list[Done]:
            async with writing(connection, actor):
                _, terms = await _find(connection, number)
                row = await proposals.approve(connection, actor, number)
                if await as_they_stand(connection, self.programme, terms.offers) != terms.offers:
                    raise RegistryRefused("an offer was changed since: look at it, and propose it anew")
                await self._check_seen(connection, _plan_of(row, terms))
                rules = await rules_in_force(connection, self.programme, now)
                return await _WRITES[row["act"]](
                    connection,
                    proposals.both(actor, row)._replace(reason=row["reason"]),
                    self.programme,
                    list(terms.offers),
                    When(_moment(terms.from_day, rules), now, terms.urgent),
                    second_needed=row["second_needed"],
                )

        return await self._and_list(act)

    async def write_list(self, number: int) -> None:
        """Write the public list anew, of a proposal whose list did not come to its place.

        Raises NotInRegistry, RegistryRefused where it cannot be written.
        """
        await self._and_list(lambda connection, _: _find(connection, number))

    async def _and_list(self, act: Callable[[Connection, datetime], Awaitable[T]]) -> T:
        """Do something and write the public list of what then holds: beside its place before it counts."""
        folder, now = self._place(), _now()
        files: PublicFiles | None = None

        async def job(connection: Connection) -> T:
            nonlocal files
            async with connection.transaction():
                done = await act(connection, now)
                rules = await rules_in_force(connection, self.programme, now)
                listed = public_list(await read_public(connection, self.programme), rules, now)
                files = PublicFiles(folder, listed, rules)
                _write_beside(files)
            return done

        async with _ONE:
            try:
                done = await _telling(self.database.run(job))
                assert files is not None
                _put_in_place(files)
            finally:
                if files is not None:
                    files.remove()
        return done

    async def refuse(self, actor: Actor, number: int) -> None:
        """Refuse it, or take one's own back. Raises NotInRegistry, RegistryRefused."""

        async def job(connection: Connection) -> None:
            await _find(connection, number)
            await proposals.refuse(connection, actor, number)

        await self.database.run(job)

    def _place(self) -> Path:
        if self.folder is None:
            raise RegistryRefused("this site was not told where the public list goes")
        return self.folder / self.code

    async def _not_waiting(self, connection: Connection, numbers: Sequence[int]) -> None:
        for row in await proposals.list_proposals(connection, self.programme, ACTS, limit=1_000):
            both = set(numbers) & msgspec.json.decode(row["terms"], type=Terms).offers.keys()
            if both:
                raise RegistryRefused(
                    "offer {number} waits to be approved already: decide that first", number=min(both)
                )

    async def _changes(self, connection: Connection, plan: Plan) -> list[Change]:
        """Return the change of every offer the plan names, also of those that no list shows."""
        now = _now()
        rules = await rules_in_force(connection, self.programme, now)
        moment = When(_moment(plan.from_day, rules), now).moment
        changes = []
        for number in sorted(set(plan.numbers)):
            rows = await offer_versions(connection, self.programme, number)
            held = [dict(row) for row in rows if row["state"] != OfferState.DRAFT]
            written = _written(plan.act, rows, moment)
            before, after = (_terms_at(each, moment, rules) for each in (held, held + written))
            changes.append(Change(number, bool(after) and not before, _differing(before, after)))
        return changes

    async def _check_seen(self, connection: Connection, plan: Plan) -> None:
        """Raises RegistryRefused where something would be published of which no change is to be seen."""
        for change in await self._changes(connection, plan) if plan.act == PUBLISH else ():
            if not change.keys:
                raise RegistryRefused(
                    "offer {number}: no change of it is to be seen, so it is not published",
                    number=change.number,
                )


async def _find(connection: Connection, number: int) -> tuple[Any, Terms]:
    row = await proposals.find(connection, number)
    if row["act"] not in ACTS:
        raise NotInRegistry("there is no proposal {number}", number=number)
    return row, msgspec.json.decode(row["terms"], type=Terms)


async def _telling(done: Awaitable[T]) -> T:
    """Return what comes of it; a failure that is the offers' is told as a refusal."""
    try:
        return await done
    except OfferError as error:
        raise RegistryRefused("{why}", why=error.phrase) from None


def _write_beside(files: PublicFiles) -> None:
    """Write a list beside its place. Raises RegistryRefused: an OSError would be taken for the database's."""
    try:
        files.write_beside()
    except OSError as error:
        raise RegistryRefused(
            "the public list cannot be written ({why}): nothing was changed", why=error.strerror
        ) from None


def _put_in_place(files: PublicFiles) -> None:
    """Let a list of what holds by now take its place. Raises RegistryRefused."""
    try:
        files.put_in_place()
    except OSError as error:
        raise RegistryRefused(
            "the public list could not be written ({why}); what was approved holds: write the list anew",
            why=error.strerror,
        ) from None


def _plan_of(row: Any, terms: Terms) -> Plan:
    return Plan(row["act"], list(terms.offers), terms.from_day, terms.urgent)


def _written(act: Act, rows: Sequence[Any], moment: datetime) -> list[dict[str, Any]]:
    """Return the version that an act would write of an offer, whose versions are there, the newest first."""
    newest = rows[0] if rows else None
    if newest is None or (act == PUBLISH and newest["state"] != OfferState.DRAFT):
        return []
    state = OfferState.PUBLISHED if act == PUBLISH else OfferState.WITHDRAWN
    version = newest["version"] + (newest["state"] != OfferState.DRAFT)
    return [{**dict(newest), "version": version, "state": int(state), "effective_from": moment}]


def _subject(offers: Mapping[int, str]) -> str:
    """Return how a list names what is proposed: the numbers, as many as have room."""
    text = ", ".join(map(str, sorted(offers)))
    most = proposals.SUBJECT_CHARACTERS_MAX
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _terms_at(versions: Sequence[Mapping[str, Any]], moment: datetime, rules: Rules) -> dict[Key, Any]:
    """Return an offer's terms at a moment and from when they hold, and those of versions that hold later."""
    said: dict[Key, Any] = {}
    for held in held_versions(versions, moment):
        since = held.since.astimezone(ZoneInfo(rules.programme.time_zone))
        on = since.date() if held.since > moment else None
        terms = {**msgspec.to_builtins(held.offer), "valid_from": since.isoformat()}
        said.update({Key(name, on): value for name, value in terms.items()})
    return said


def _differing(before: Mapping[Key, Any], after: Mapping[Key, Any]) -> dict[Key, tuple[Any, Any]]:
    keys = sorted(before.keys() | after.keys(), key=lambda key: (key.on or date.min, key.name))
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def _moment(day: date | None, rules: Rules) -> datetime | None:
    """Return the first moment of a day in the programme's zone."""
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(rules.programme.time_zone))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
