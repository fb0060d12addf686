"""The office's work with offers: drafts set against what holds, published, withdrawn.

Owns the notice: terms that get worse for somebody are announced as many days ahead as changes of the rules
are (Zgierz § 34), better ones may hold at once; and that two persons do it where the rules want a second one.
Must not know what terms mean (`switch.rules` does), nor print. Invariant: nothing is published that nobody
could get: codes the programme does not know, days that are over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.imports import Import, Mode, Refusal
from ledger.registry.offers import (
    NewOffer,
    OfferState,
    import_offers,
    offer_versions,
    publish_draft,
    withdraw_offer,
)
from ledger.registry.programmes import list_rules
from ops.office.publish import Announced, earliest, standing
from switch.rules.offer_changes import worse_keys
from switch.rules.offer_checks import check_offer, is_over
from switch.rules.offer_faults import OfferError
from switch.rules.offers import (
    Offer,
    decode_offer,
    encode_offer,
)
from switch.rules.programme import Rules, parse_rules

WITHDRAWN = "withdrawn"
SPREAD = timedelta(seconds=10)
"""What holds "at once" holds so much later: by then every worker knows it, or knows that it does not know all
(`feed_stale_after_s`) and grants nothing. So all of them grant the same, and name it alike in a reply told
twice.
"""


class When(NamedTuple):
    """From when something is to hold (None: at once), asked at which moment; `urgent`: also what gets worse
    for somebody before its notice is over.
    """

    effective_from: datetime | None
    now: datetime
    urgent: bool = False

    @property
    def moment(self) -> datetime:
        """From which moment on it holds."""
        return self.effective_from or self.now + SPREAD


class Done(NamedTuple):
    """What became of one offer: which version holds from when, and by which keys it is worse than before."""

    number: int
    version: int
    effective_from: datetime
    worse: list[str]


Judge = Callable[[Connection, Rules, int, Sequence[int], When], Awaitable[dict[int, list[str]]]]


async def rules_in_force(connection: Connection, programme: int, now: datetime) -> Rules:
    """Return the rules a programme has now, or the first announced. Raises RegistryRefused, `RulesError`."""
    rows: dict[int, Any] = {row["version"]: row for row in await list_rules(connection, programme)}
    stand = standing([Announced(row["effective_from"], row["version"]) for row in rows.values()], now, now)
    found = stand.now or min(stand.after, default=None)
    if found is None:
        raise RegistryRefused("programme {programme} has no rules: apply some first", programme=programme)
    return parse_rules(rows[found.version]["rules_toml"], source=f"rules {programme}/{found.version}")


async def keep_drafts(
    connection: Connection,
    actor: Actor,
    programme: int,
    offers: Sequence[Offer],
    mode: Mode,
    *,
    now: datetime,
) -> Import:
    """Keep offers as drafts; those that the programme's rules do not allow, or that are over, are refused."""
    rules = await rules_in_force(connection, programme, now)
    refused: list[Refusal] = []
    sound: list[NewOffer] = []
    for offer in offers:
        new = NewOffer(offer.number, offer.partner, offer.outlets, encode_offer(offer))
        try:
            check_offer(offer, rules, _wall(now, rules))
        except OfferError as error:
            if await _is_newest(connection, programme, new):
                sound.append(new)
                continue
            refused.append(Refusal(offer.number, error.key, error.why))
        else:
            sound.append(new)
    is_hopeless = bool(refused) and mode is Mode.WHOLE
    done = await import_offers(connection, actor, programme, sound, Mode.DRY_RUN if is_hopeless else mode)
    return Import(0 if is_hopeless else done.added, done.unchanged, [*refused, *done.refused])


async def worse_if_published(
    connection: Connection, rules: Rules, programme: int, numbers: Sequence[int], when: When
) -> dict[int, list[str]]:
    """Return of each draft by which keys it is worse than what it takes the place of; it changes nothing.

    Raises NotInRegistry without a draft, RegistryRefused for terms that get worse too soon, `OfferError` for
    what the programme's rules do not allow and what nobody could get any more.
    """
    if numbers and rules.benefits is None:
        raise RegistryRefused(
            "programme {programme} has no [benefits] in its rules: nobody could get one", programme=programme
        )
    found = {}
    for number in numbers:
        rows = await offer_versions(connection, programme, number)
        if not rows or rows[0]["state"] != OfferState.DRAFT:
            raise NotInRegistry("offer {number} has no draft: import it first", number=number)
        new = decode_offer(rows[0]["terms"])
        check_offer(new, rules, _wall(when.moment, rules))
        old = held_at(rows, when.moment)
        found[number] = worse_keys(old, new) if old else []
        _check_notice(number, found[number], when, rules)
    return found


async def worse_if_withdrawn(
    connection: Connection, rules: Rules, programme: int, numbers: Sequence[int], when: When
) -> dict[int, list[str]]:
    """Return the same of offers that hold no longer. Raises NotInRegistry for one that was never published,
    RegistryRefused where it is too soon.
    """
    found: dict[int, list[str]] = {}
    for number in numbers:
        rows = await offer_versions(connection, programme, number)
        if all(row["state"] != OfferState.PUBLISHED for row in rows):
            raise NotInRegistry("offer {number} was never published", number=number)
        old = held_at(rows, when.moment)
        found[number] = [WITHDRAWN] if old and not is_over(old, _wall(when.moment, rules)) else []
        _check_notice(number, found[number], when, rules)
    return found


async def publish_offers(
    connection: Connection,
    actor: Actor,
    programme: int,
    numbers: Sequence[int],
    when: When,
    *,
    second_needed: bool | None = None,
) -> list[Done]:
    """Let drafts hold from a moment on, all or none; `second_needed` None: as the rules in force want it.

    Raises as `worse_if_published` does.
    """
    act = (worse_if_published, publish_draft)
    return await _carried_out(
        act, connection, actor, programme, numbers, when=when, second_needed=second_needed
    )


async def withdraw_offers(
    connection: Connection,
    actor: Actor,
    programme: int,
    numbers: Sequence[int],
    when: When,
    *,
    second_needed: bool | None = None,
) -> list[Done]:
    """Let offers hold no longer from a moment on, all or none; raises as `worse_if_withdrawn` does."""
    act = (worse_if_withdrawn, withdraw_offer)
    return await _carried_out(
        act, connection, actor, programme, numbers, when=when, second_needed=second_needed
    )


async def _carried_out(
    act: tuple[Judge, Callable[..., Awaitable[int]]],
    connection: Connection,
    actor: Actor,
    programme: int,
    numbers: Sequence[int],
    *,
    when: When,
    second_needed: bool | None,
) -> list[Done]:
    judge, write = act
    done = []
    async with writing(connection, actor):
        rules = await rules_in_force(connection, programme, when.now)
        needed = rules.of_second_person().offers if second_needed is None else second_needed
        for number, worse in (await judge(connection, rules, programme, numbers, when)).items():
            version = await write(
                connection,
                actor,
                programme=programme,
                number=number,
                effective_from=when.moment,
                second_needed=needed,
            )
            done.append(Done(number, version, when.moment, worse))
    return done


def held_at(rows: Sequence[Any], moment: datetime) -> Offer | None:
    """Return the terms that hold at a moment by the versions there are; None where nothing is granted."""
    published = [row for row in rows if row["state"] != OfferState.DRAFT and row["effective_from"] <= moment]
    held = max(published, key=lambda row: (row["effective_from"], row["version"]), default=None)
    if held is None or held["state"] == OfferState.WITHDRAWN:
        return None
    return decode_offer(held["terms"])


def _wall(moment: datetime, rules: Rules) -> datetime:
    return moment.astimezone(ZoneInfo(rules.programme.time_zone))


async def _is_newest(connection: Connection, programme: int, offer: NewOffer) -> bool:
    """Whether the registry has just this already: a file may still name what is over by now."""
    rows = await offer_versions(connection, programme, offer.number)
    return bool(rows) and decode_offer(rows[0]["terms"]) == decode_offer(offer.terms)


def _check_notice(number: int, worse: Sequence[str], when: When, rules: Rules) -> None:
    days, zone = rules.programme.notice_days, ZoneInfo(rules.programme.time_zone)
    if when.moment < when.now:
        raise RegistryRefused(
            "{moment} is past: offers hold from now on or later",
            moment=when.moment.astimezone(zone),
        )
    first = earliest(when.now, days, zone)
    if worse and not when.urgent and when.moment < first:
        raise RegistryRefused(
            "offer {number} gets worse for somebody ({keys}), which is announced {days} days "
            "ahead: name --effective-from {first} or later, or --urgent with the reason",
            number=number,
            keys=tuple(worse),
            days=days,
            first=first.isoformat(timespec="minutes"),
        )
