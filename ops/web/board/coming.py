"""What changes next: rules, offers, programmes, certificates, keys, contracts, each with its day.

Owns the list and its order. Pure. Must not know where it was read. Invariant: what has no day of its own
stands at the end of the days within which it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from ledger.registry.overview import ProgrammeSeen
from ops.web.board.figures import least, total
from ops.web.board.poller import Snapshot
from ops.web.language import Speech

ROWS_MAX: Final = 12
ENDS: Final = (
    ("cityswitch_certificate_expiry_timestamp_seconds", "next_certificate"),
    ("cityswitch_revocations_expiry_timestamp_seconds", "next_revocations"),
)
"""Figures that tell when something ends, Unix time."""
WITHIN: Final = (
    ("cityswitch_terminal_keys_expiring", "next_keys", 14),
    ("cityswitch_contracts_ending", "next_contracts", 30),
    ("cityswitch_applications_due", "next_applications", 3),
)
"""Figures that count what comes within so many days."""

Row = tuple[datetime, str, str]
"""Its moment, how that is said, and what comes."""


def coming_rows(snapshot: Snapshot, speech: Speech) -> list[list[str | tuple[str, str]]]:
    """Return when and what, soonest first."""
    now = datetime.fromtimestamp(snapshot.at_s, UTC)
    rows = [row for row in _all(snapshot, speech, now) if row[0] > now]
    return [[when, what] for _, when, what in sorted(rows)[:ROWS_MAX]]


def _all(snapshot: Snapshot, speech: Speech, now: datetime) -> Iterator[Row]:
    known = snapshot.known

    def name(programme: int) -> str:
        found = known.programmes.get(programme)
        return found.name if found else str(programme)

    for rules in known.rules:
        what = speech.say("next_rules", version=rules.version, programme=name(rules.programme))
        yield rules.effective_from, speech.moment(rules.effective_from), what
    for offers in known.offers:
        what = speech.say("next_offers", count=speech.number(offers.count), programme=name(offers.programme))
        yield offers.effective_from, speech.moment(offers.effective_from), what
    for programme in known.programmes.values():
        yield from _states(programme, speech)
    for metric, key in ENDS:
        if ends := least(snapshot.look, metric):
            at = datetime.fromtimestamp(ends, UTC)
            yield at, speech.moment(at), speech.say(key)
    for metric, key, days in WITHIN:
        count = total(snapshot.look, metric)
        if count:
            what = speech.say(key, count=speech.number(count))
            yield now + timedelta(days=days), speech.say("within_days", days=days), what


def _states(programme: ProgrammeSeen, speech: Speech) -> Iterator[Row]:
    periods = [
        turn
        for begins, ends in programme.suspended
        for turn in ((begins, "next_suspended"), (ends, "next_resumed"))
    ]
    for at, key in (*periods, (programme.ended_from, "next_ended")):
        if at is not None:
            yield at, speech.moment(at), speech.say(key, programme=programme.name)
