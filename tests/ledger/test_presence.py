"""Who is on line, as workers tell it: what is kept of a terminal, and which are silent for longer than
usual.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ledger.postgres.database import Connection, Database
from ledger.registry import presence
from ledger.registry.presence import Only, Told, Wanted, silent, terminal_status
from tests.ledger.books import PARTNER, TERMINAL, found_registry, write_registry

NOW_MS = 1_790_000_000_000


def told(terminal: int = TERMINAL, at_s: int = 0, **fields: Any) -> Told:
    """Say that nothing happened to a terminal but what is named; `at_s` after the beginning."""
    nothing = Told(terminal, None, None, None, "", "", None, "", None, "", 0)
    at_ms = NOW_MS + at_s * 1_000
    moments = {"is_open": "since_ms", "ended": "ended_ms", "failure": "failed_ms"}
    dated = {moments[name]: at_ms for name in fields if name in moments and moments[name] not in fields}
    return nothing._replace(**fields, **dated)


@pytest.fixture
async def lives(owner: Database, database: Database) -> tuple[int, int]:
    """Two workers on a registry with terminals 70 and 71."""
    await owner.run(lambda c: found_registry(c, 1))

    async def job(c: Connection) -> tuple[int, int]:
        first = await presence.begin(c, worker=0, host="tests", pid=1, version="1")
        return first, await presence.begin(c, worker=1, host="tests", pid=2, version="1")

    return await database.run(job)


async def say(database: Database, life: int, *rows: Told) -> None:
    await database.run(lambda c: presence.note(c, life, rows))


async def status_of(database: Database, terminal: int = TERMINAL) -> Any:
    (row,) = await database.run(lambda c: terminal_status(c, Wanted(terminals=[terminal])))
    return row


async def test_a_terminal_comes_and_goes(database: Database, lives: tuple[int, int]) -> None:
    """On line at its worker, with its software and its newest request; then off line, with the reason."""
    never = await status_of(database)
    assert (never["on_line"], never["seen_at"], never["worker"]) == (False, None, None)
    await say(database, lives[0], told(is_open=True, seen_ms=NOW_MS, software="acme 1.4"))
    here = await status_of(database)
    assert (here["on_line"], here["worker"], here["software"]) == (True, 0, "acme 1.4")
    assert here["seen_at"] == datetime.fromtimestamp(NOW_MS / 1_000, UTC)
    await say(database, lives[0], told(at_s=9, is_open=False, since_ms=NOW_MS, ended="idle_timeout"))
    gone = await status_of(database)
    assert (gone["on_line"], gone["ended"], gone["software"]) == (False, "idle_timeout", "acme 1.4")
    assert gone["seen_at"] == here["seen_at"]


async def test_a_failure_says_nothing_of_a_connection(database: Database, lives: tuple[int, int]) -> None:
    """Who claims its number with a wrong key leaves the terminal on line, and his failures are counted."""
    await say(database, lives[0], told(is_open=True))
    for second in (1, 2):
        row = told(at_s=second, failure="wrong_key", failed_from="192.0.2.7", failures=2)
        await say(database, lives[1], row)
    found = await status_of(database)
    assert (found["on_line"], found["worker"], found["failure"]) == (True, 0, "wrong_key")
    assert (found["failed_from"], found["failures"]) == ("192.0.2.7", 4)


async def test_the_newer_connection_counts_whoever_tells_last(
    database: Database, lives: tuple[int, int]
) -> None:
    """A terminal that moved to another worker stays there, though the older tells of its end afterwards."""
    first, second = lives
    await say(database, first, told(is_open=True))
    await say(database, second, told(at_s=5, is_open=True))
    await say(database, first, told(is_open=True, seen_ms=NOW_MS + 1))
    assert (await status_of(database))["worker"] == 1
    await say(database, first, told(at_s=6, is_open=False, since_ms=NOW_MS, ended="peer_closed"))
    assert (await status_of(database))["worker"] == 1
    await say(database, second, told(at_s=9, is_open=False, ended="peer_closed"))
    assert not (await status_of(database))["on_line"]


async def test_a_worker_that_beats_no_more_has_no_terminals(
    database: Database, lives: tuple[int, int]
) -> None:
    """Killed: its terminals are off line, and it is said why; drained: its row is gone, too."""
    await say(database, lives[0], told(is_open=True))
    late = f"update registry.worker_presence set beat_at = now() - interval '{presence.BEAT_S_MAX:g} s'"
    await database.run(lambda c: c.execute(late))
    found = await status_of(database)
    assert (found["on_line"], found["worker_gone"]) == (False, True)
    assert await database.run(lambda c: presence.beat(c, lives[0]))
    assert (await status_of(database))["on_line"]
    await database.run(lambda c: presence.end(c, lives[0]))
    assert not (await status_of(database))["on_line"]
    assert not await database.run(lambda c: presence.beat(c, lives[0]))


async def test_a_number_that_is_no_terminal_s_is_kept_apart(
    database: Database, lives: tuple[int, int]
) -> None:
    """Whoever claims it is found by its number, is in no list of terminals, and is forgotten in a week."""
    row = told(4711, failure="unknown_terminal", failed_from="192.0.2.7", failures=1)
    await say(database, lives[0], row)
    (found,) = await database.run(lambda c: presence.strangers(c, [4711, TERMINAL]))
    assert (found["terminal"], found["failure"]) == (4711, "unknown_terminal")
    assert [r["terminal"] for r in await database.run(terminal_status)] == [TERMINAL, TERMINAL + 1]
    for days, is_kept in ((6, True), (8, False)):
        old = f"update registry.terminal_presence set failed_at = now() - interval '{days} days'"
        await database.run(lambda c, old=old: c.execute(old))
        await database.run(presence.forget)
        assert bool(await database.run(lambda c: presence.strangers(c, [4711]))) == is_kept


SILENT_AT = datetime(2026, 11, 27, 10, 20, tzinfo=UTC)
"""20 past 11 in Warsaw on a Friday: the last full hour began at 10."""


async def names_silent(database: Database, at: datetime = SILENT_AT) -> list[int]:
    rows = await database.run(
        lambda c: c.fetch("select terminal from registry.silent_terminals_v1($1) order by 1", at)
    )
    return [row[0] for row in rows]


async def hear(database: Database, life: int, *moments: datetime, terminal: int = TERMINAL) -> None:
    """Have a terminal say something at these moments, in order."""
    for moment in moments:
        await say(database, life, told(terminal, is_open=True, seen_ms=int(moment.timestamp() * 1_000)))


async def test_silent_for_longer_than_usual(database: Database, lives: tuple[int, int]) -> None:
    """Not heard since the last full hour began, though in that hour both one and two weeks ago."""
    weeks = [SILENT_AT - timedelta(days=days, hours=1) for days in (14, 7)]
    await hear(database, lives[0], weeks[0])
    assert await names_silent(database) == []  # once is no habit
    await hear(database, lives[0], weeks[1])
    assert await names_silent(database) == [TERMINAL]
    assert await names_silent(database, SILENT_AT + timedelta(hours=1)) == []  # not heard at this hour then
    assert await names_silent(database, SILENT_AT + timedelta(days=1)) == []  # nor on a Saturday
    await hear(database, lives[0], SILENT_AT - timedelta(minutes=70))
    assert await names_silent(database) == []


async def test_what_is_blocked_or_suspended_is_silent_for_good_reason(
    owner: Database, database: Database, lives: tuple[int, int]
) -> None:
    """Terminals that are blocked, or whose partner or programme is stopped, are not counted."""
    await hear(database, lives[0], *(SILENT_AT - timedelta(days=d, hours=1) for d in (14, 7)))
    stops = (
        ("terminal", "status = {}", f"id = {TERMINAL}", 1, 0),
        ("partner", "status = {}", f"id = {PARTNER}", 1, 0),
        ("programme", "suspended = {}", "id = 1", "'{[2026-11-01,)}'", "'{}'"),
    )
    for table, what, which, stopped, running in stops:
        for value, silents in ((stopped, []), (running, [TERMINAL])):
            sql = f"update registry.{table} set {what.format(value)} where {which}"
            await owner.run(lambda c, sql=sql: write_registry(c, sql))
            assert await names_silent(database) == silents, (table, value)


async def test_silence_is_counted_by_programme(database: Database, lives: tuple[int, int]) -> None:
    """Every programme has its figure, 0 where all speak."""
    assert await database.run(silent) == {"czestochowa": 0}
    now = datetime.now(ZoneInfo("Europe/Warsaw")) - timedelta(hours=1)  # by the clock on the wall
    # In the hour that begins now as well: it may be the last full one by the time it is asked.
    moments = [now - timedelta(days=days) + timedelta(hours=hours) for days in (14, 7) for hours in (0, 1)]
    await hear(database, lives[0], *moments)
    assert await database.run(silent) == {"czestochowa": 1}
    found = await database.run(lambda c: terminal_status(c, Wanted(only=Only.SILENT)))
    assert [row["terminal"] for row in found] == [TERMINAL]


async def test_what_would_refuse_it_is_named(owner: Database, lives: tuple[int, int]) -> None:
    """The state the registry has now, whatever happened last: blocked, its partner blocked, without a key."""
    assert (await status_of(owner))["hindrance"] == "no_key"
    stop = f"update registry.terminal set status = 1 where id = {TERMINAL}"
    await owner.run(lambda c: write_registry(c, stop))
    assert (await status_of(owner))["hindrance"] == "terminal_blocked"


async def test_a_day_s_hours_are_one_row(database: Database, lives: tuple[int, int]) -> None:
    """Whatever is heard on a day: one row a terminal, a bit an hour, by the programme's clock."""
    midnight = datetime(2026, 11, 26, 23, 0, tzinfo=UTC)  # in Warsaw
    moments = [midnight + timedelta(hours=h, minutes=m) for h in (0, 9, 23) for m in (0, 30)]
    await hear(database, lives[0], *moments)
    rows = await database.run(lambda c: c.fetch("select day::text, hours from registry.terminal_hours"))
    assert [tuple(row) for row in rows] == [("2026-11-27", 1 | 1 << 9 | 1 << 23)]
