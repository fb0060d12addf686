"""Owns what the days do to holders and their cards: birthdays change kinds, a notice that has run out voids.

The other end of `ledger.registry.kinds` and `holders` (migrations, 0011 and 0012). Every version of a
programme's rules holds for a period, in which each set of kinds holds from one birthday to another; put in a
row, these spans leave nothing out. Knows nothing of who a holder is but the day of birth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ledger.registry.card_states import CardStatus

if TYPE_CHECKING:
    from simulators.world.memory.registry import Holder, MemoryRegistry

TIME_ZONE: Final = "Europe/Warsaw"
DUE_MAX: Final = 5_000
"""So many holders of a programme are advanced at a time."""
_EPOCH: Final = date(1970, 1, 1)
_MS: Final = 1_000
_VOIDED: Final = frozenset(
    {
        CardStatus.ACTIVE,
        CardStatus.BLOCKED,
        CardStatus.WANTED,
        CardStatus.ORDERED,
        CardStatus.READY,
        CardStatus.RETAINED,
    }
)


class Terms(NamedTuple):
    """What a version of the rules says of days. kind_steps: from which completed year of life which kinds."""

    version: int
    effective_from_ms: int
    time_zone: str
    kind_steps: Sequence[tuple[int, int]]


class _Span(NamedTuple):
    begins: date
    ends: date
    kinds: int


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def today_of(registry: MemoryRegistry, programme: int) -> date:
    """Today in a programme's own time zone, by the rules in force."""
    now_ms = registry.now_ms()
    in_force = [terms for terms in registry.terms.get(programme, ()) if terms.effective_from_ms <= now_ms]
    newest = max(in_force, key=lambda terms: (terms.effective_from_ms, terms.version), default=None)
    return _day(now_ms, newest.time_zone if newest else TIME_ZONE)


def end_notices(registry: MemoryRegistry) -> None:
    """A notice that has run out voids the cards of its account."""
    for holder in list(registry.holders.rows.values()):
        ends = holder.contract_ends_day
        if ends is not None and ends < day_number(today_of(registry, holder.programme)):
            for card in registry.cards_of(holder.account):
                if card.status in _VOIDED:
                    registry.set_card(card.token, status=CardStatus.VOID)


def advance_kinds(registry: MemoryRegistry) -> None:
    """Move the holders whose birthday has come."""
    for programme in sorted(registry.programmes.rows):
        today = today_of(registry, programme)
        due = [
            holder.account
            for holder in registry.holders.rows.values()
            if holder.programme == programme
            and holder.next_from is not None
            and holder.next_from <= day_number(today)
        ]
        place_kinds(registry, programme, today, due[:DUE_MAX])


def place_kinds(
    registry: MemoryRegistry, programme: int, day: date, accounts: Iterable[int] | None = None
) -> None:
    """Put the kinds of holders whose day of birth is known to a day; `accounts` None: of all."""
    for account in list(registry.births) if accounts is None else accounts:
        holder = registry.holders.rows.get(account)
        if holder is None or holder.programme != programme or account not in registry.births:
            continue
        if placed(registry, holder, day) != holder:
            registry.place_holder(placed(registry, holder, day))


def placed(registry: MemoryRegistry, holder: Holder, day: date) -> Holder:
    """A holder as the day of birth has it on a day: the kinds, the change before and the next one."""
    periods = _periods(registry.terms.get(holder.programme, ()))
    turns = list(_turns(_spans(periods, registry.births[holder.account])))
    begun = [turn for turn in turns if turn[0] <= day]
    coming = [turn for turn in turns if turn[0] > day]
    since, kinds, before = begun[-1] if begun else (None, 0, 0)
    until, following, _ = coming[0] if coming else (None, 0, 0)
    return replace(
        holder,
        kinds=kinds,
        kinds_before=before,
        kinds_from=None if since is None else day_number(since),
        kinds_next=following,
        next_from=None if until is None else day_number(until),
    )


def _day(at_ms: int, time_zone: str) -> date:
    return datetime.fromtimestamp(at_ms // _MS, UTC).astimezone(ZoneInfo(time_zone)).date()


def _periods(terms: Iterable[Terms]) -> Iterator[tuple[date, date, Sequence[tuple[int, int]]]]:
    """From which day until which other (excluded) which steps hold; of one day's versions the newest."""
    begun: dict[date, Terms] = {}
    for version in sorted(terms, key=lambda version: (version.effective_from_ms, version.version)):
        begun[_day(version.effective_from_ms, version.time_zone)] = version
    begins = [*sorted(begun), date.max]
    for from_day, until_day in pairwise(begins):
        yield from_day, until_day, begun[from_day].kind_steps


def _spans(periods: Iterable[tuple[date, date, Sequence[tuple[int, int]]]], born: date) -> Iterator[_Span]:
    for from_day, until_day, steps in periods:
        ages = sorted(steps)
        begins = [date.min, *(_birthday(born, age) for age, _ in ages), date.max]
        for (begin, end), kinds in zip(pairwise(begins), (0, *(kinds for _, kinds in ages)), strict=True):
            span = _Span(max(from_day, begin), min(until_day, end), kinds)
            if span.begins < span.ends:
                yield span


def _turns(spans: Iterable[_Span]) -> Iterator[tuple[date, int, int]]:
    """The days on which kinds change: to which, from which."""
    was = 0
    for span in sorted(spans):
        if span.kinds != was:
            yield span.begins, span.kinds, was
        was = span.kinds


def _birthday(born: date, age: int) -> date:
    """The day that completes a year of life; of 29 February the 28th where there is none."""
    year = born.year + age
    if year > date.max.year:
        return date.max
    try:
        return born.replace(year=year)
    except ValueError:
        return born.replace(year=year, day=28)
