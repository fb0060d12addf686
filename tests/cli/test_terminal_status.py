"""`cityswitch terminals status`: who is on line, and the true cause where one is not."""

import csv
import io
import json
from typing import Any

import pytest
import trio

from ledger.postgres.database import Connection, open_database
from ledger.registry import presence
from ledger.registry.presence import Told
from ops.exit_codes import Exit
from tests.cli.office import SURE, Run
from tests.postgres import FreshDatabase

NOW_MS = 1_790_000_000_000
FAILED = Told(18, None, None, None, "", "", None, "wrong_key", NOW_MS, "192.0.2.7", 3)


@pytest.fixture
def city(run: Run, fresh: FreshDatabase) -> Run:
    """Terminals 17 (on line), 18 (somebody had a wrong key) and 19 (never seen) of two partners."""
    for words in (
        ("partners", "add", "7", "Kino"),
        ("partners", "add", "8", "Basen"),
        ("terminals", "add", "17", "--partner", "7", "--label", "=1+1"),
        ("terminals", "add", "18", "--partner", "7"),
        ("terminals", "add", "19", "--partner", "8"),
    ):
        assert run(*words)[0] == Exit.OK

    async def job(connection: Connection) -> None:
        life = await presence.begin(connection, worker=0, host="tests", pid=1, version="1")
        here = Told(17, True, NOW_MS, NOW_MS + 5_000, "acme 1.4", "", None, "", None, "", 0)
        stranger = FAILED._replace(terminal=4711, failure="unknown_terminal", failures=2)
        await presence.note(connection, life, [here, FAILED, stranger])

    async def fill() -> None:
        async with open_database(fresh.service_dsn) as database:
            await database.run(job)

    trio.run(fill)
    return run


def told(run: Run, *words: str) -> list[dict[str, Any]]:
    status, out, err = run("terminals", "status", *words, "--json")
    assert status == Exit.OK, err
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


def test_the_state_of_each_terminal_and_its_cause(city: Run) -> None:
    """On line with worker and software; refused with the cause and where from; never seen; blocked now."""
    assert city("terminals", "block", "19", *SURE)[0] == Exit.OK
    here, refused, never = told(city)
    assert (here["state"], here["worker"], here["software"]) == ("on_line", 0, "acme 1.4")
    assert here["last_seen"] == "2026-09-21 14:13:25Z"
    assert (refused["state"], refused["last_failure"], refused["failures"]) == ("never_seen", "wrong_key", 3)
    assert refused["failed_from"] == "192.0.2.7"
    assert (never["state"], never["refused_now"], refused["refused_now"]) == (
        "never_seen",
        "terminal_blocked",
        "no_key",
    )


def test_filters_and_pages(city: Run) -> None:
    """By number, partner, programme and state; page by page, by number."""
    for words, numbers in (
        (("17", "19"), [17, 19]),
        (("--partner", "8"), [19]),
        (("--programme", "czestochowa", "--on-line"), [17]),
        (("--off-line",), [18, 19]),
        (("--silent",), []),
        (("--limit", "1"), [17]),
        (("--limit", "1", "--after", "17"), [18]),
    ):
        assert [row["terminal"] for row in told(city, *words)] == numbers, words
    assert city("terminals", "status", "--silent", "--on-line")[0] == Exit.USAGE


def test_a_terminal_that_is_not_there_is_not_found(city: Run) -> None:
    """Status 9; where somebody tried that number, it is said how often and from where."""
    status, out, err = city("terminals", "status", "17", "4711")
    assert (status, out) == (Exit.NOT_FOUND, "")
    assert "no terminal 4711: 4711 was tried 2 times" in err
    assert "192.0.2.7" in err
    status, _, err = city("terminals", "status", "4712", "--json")
    assert (status, json.loads(err)["error"]["status"]) == (Exit.NOT_FOUND, Exit.NOT_FOUND)


def test_csv_has_all_fields_and_no_formula(city: Run) -> None:
    """As a spreadsheet takes it: what begins like a formula is a text there."""
    status, out, _ = city("terminals", "status", "--csv")
    assert status == Exit.OK
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["terminal"] for row in rows] == ["17", "18", "19"]
    assert rows[0]["label"] == "'=1+1"
    assert rows[1]["last_failure"] == "wrong_key"
    assert set(rows[0]) == set(told(city)[0])
    assert city("terminals", "status", "--csv", "--json")[0] == Exit.USAGE
