"""The office's work with rules: a file checked, set against what holds and what is announced, and published.

Owns the notice (Zgierz, annex §34: changes are published some days ahead) and the account of what a version
does to the others. Must not know what rules mean (`switch.rules` does), nor print. Invariants: nothing is
published that the switch could not load; what holds already is not published again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.programmes import add_programme, add_rules, list_programmes, list_rules
from switch.rules.changes import moved_numbers
from switch.rules.entitlement import steps_of
from switch.rules.programme import Identity, Rules, RulesError, parse_rules
from switch.rules.versions import NO_RULES

NOTICE_DAYS = NO_RULES.rules.programme.notice_days
"""Where the rules in force do not say."""


class Announced(NamedTuple):
    """A version as the registry keeps it: ordered by when it takes effect, then by its number."""

    effective_from: datetime
    version: int


@dataclass(frozen=True)
class Standing:
    """How a moment of effect stands to the versions there are."""

    now: Announced | None
    """What holds now."""
    replaced: Announced | None
    """What would hold at that moment without the new version."""
    never: list[Announced]
    """Announced for the very moment: they never come in force."""
    before: list[Announced]
    """Announced, and in force before that moment."""
    after: list[Announced]
    """Announced for later: they replace the new version in their turn."""


def standing(versions: Sequence[Announced], effective_from: datetime, now: datetime) -> Standing:
    """Return how a new version from `effective_from` on stands to the others (`switch.rules.versions`)."""
    pending = sorted(one for one in versions if one.effective_from > now)
    return Standing(
        now=max((one for one in versions if one.effective_from <= now), default=None),
        replaced=max((one for one in versions if one.effective_from <= effective_from), default=None),
        never=[one for one in pending if one.effective_from == effective_from],
        before=[one for one in pending if one.effective_from < effective_from],
        after=[one for one in pending if one.effective_from > effective_from],
    )


@dataclass(frozen=True)
class Published:
    """What became of a rules file: the version it is, from when it holds, and how it stands to the others.

    `is_new`: published now; else these rules hold at that moment anyway.
    """

    version: int
    effective_from: datetime
    is_new: bool
    standing: Standing


async def publish(
    connection: Connection,
    actor: Actor,
    rules: Rules,
    text: str,
    effective_from: datetime | None,
    *,
    now: datetime,
    urgent: bool = False,
) -> Published:
    """Publish checked rules, the programme with them if it is new, from a moment on (None: now).

    Once a programme has rules in force, changes want its `notice_days`, or `urgent` and a reason. Raises
    RegistryRefused.
    """
    identity = rules.programme
    moment = effective_from or now
    async with writing(connection, actor):
        await _ensure_programme(connection, actor, identity)
        rows: list[Any] = await list_rules(connection, identity.number)
        texts = {row["version"]: row["rules_toml"] for row in rows}
        stand = standing([Announced(row["effective_from"], row["version"]) for row in rows], moment, now)
        if stand.replaced is not None and texts[stand.replaced.version] == text:
            return Published(stand.replaced.version, stand.replaced.effective_from, False, stand)
        _check_numbers(texts.values(), rules)
        await _check_prefix(connection, rules)
        if stand.now is not None:
            _check_notice(texts[stand.now.version], moment, now, urgent=urgent)
        version = await add_rules(
            connection,
            actor,
            programme=identity.number,
            effective_from=moment,
            rules_toml=text,
            time_zone=identity.time_zone,
            kind_steps=steps_of(rules),
        )
    return Published(version, moment, True, stand)


async def _ensure_programme(connection: Connection, actor: Actor, identity: Identity) -> None:
    known = {row["id"]: row["code"] for row in await list_programmes(connection)}
    if identity.number not in known:
        await add_programme(
            connection, actor, programme=identity.number, code=identity.code, name=identity.name
        )
    elif known[identity.number] != identity.code:
        raise RegistryRefused(
            "programme {programme} is {code}, not {other}: correct key 'programme.number' in the file",
            programme=identity.number,
            code=known[identity.number],
            other=identity.code,
        )


def _check_numbers(texts: Iterable[str], rules: Rules) -> None:
    for text in texts:
        try:
            moved = moved_numbers(parse_rules(text), rules)
        except RulesError:  # of a version of the switch that knew other keys
            continue
        if moved:
            raise RegistryRefused(
                "key '{key}': it had another meaning in an earlier version, by which holders are "
                "kept or uses counted: give it one that was never used",
                key=moved[0],
            )


async def _check_prefix(connection: Connection, rules: Rules) -> None:
    """No card number may begin as those of two programmes do, in rules that hold or did or are to."""
    own = rules.card.prefix
    for programme in await list_programmes(connection):
        if programme["id"] == rules.programme.number:
            continue
        for row in await list_rules(connection, programme["id"]):
            try:
                other = parse_rules(row["rules_toml"]).card.prefix
            except RulesError:  # of a version of the switch that knew other keys
                continue
            if own.startswith(other) or other.startswith(own):
                raise RegistryRefused(
                    "key 'card.prefix': cards of {programme} begin with {other}, so some number would be "
                    "a card of both",
                    programme=programme["code"],
                    other=other,
                )


def _check_notice(text_in_force: str, moment: datetime, now: datetime, *, urgent: bool) -> None:
    days, zone = notice_of(text_in_force)
    if moment < now:
        raise RegistryRefused(
            "{moment} is past: rules hold from now on or later", moment=moment.astimezone(zone)
        )
    first = earliest(now, days, zone)
    if not urgent and moment < first:
        raise RegistryRefused(
            "changes of these rules are published {days} days ahead: name --from {first} or "
            "later, or --urgent with the reason",
            days=days,
            first=first.isoformat(timespec="minutes"),
        )


def notice_of(text_in_force: str) -> tuple[int, ZoneInfo]:
    """Return how many days ahead changes are published, and in which time zone, by the rules in force."""
    try:
        identity = parse_rules(text_in_force).programme
    except RulesError:  # of a version of the switch that knew other keys
        return NOTICE_DAYS, ZoneInfo("UTC")
    return identity.notice_days, ZoneInfo(identity.time_zone)


def earliest(now: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return the midnight that begins the day so many days after today's, whatever the hour is now.

    Zgierz § 34 counts days: at the latest seven before the date from which a change holds.
    """
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time(), zone)
