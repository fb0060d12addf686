"""`cityswitch campaigns`: entered by two people for days to come, listed by names, ended by two."""

import json
from datetime import timedelta
from typing import Any

import pytest

from ops.exit_codes import Exit
from tests.cli.office import Run
from tests.days import today

FIRST = (today() + timedelta(3)).isoformat()
PAIR = ("--reason", "order 7", "--actor", "anna", "--second", "maria")
ADD = ("campaigns", "add", "Seniors at noon", "--from", FIRST, "--until", FIRST)


def listed(run: Run, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("campaigns", "list", "--json", *more)[1])
    return found


def test_a_campaign_is_entered_listed_and_ended(run: Run) -> None:
    """Kinds, weekdays and hours by their names, there and back; what is over is shown only with --all."""
    narrow = ("--weekday", "tue,THU", "--hours", "10:00-14:30", "--kind", "senior", "--cap", "50")
    status, out, _ = run(*ADD, "--points", "5", *narrow, *PAIR, "--json")
    assert (status, json.loads(out)) == (Exit.OK, {"campaign": 1, "starts_on": FIRST, "ends_on": FIRST})
    (row,) = listed(run)
    assert (row["weekdays"], row["hours"], row["kinds"]) == ("tue thu", "10:00-14:30", "senior")
    assert (row["partners"], row["card_points_max"]) == ("", 50)
    assert (row["points_a_sale"], row["percent"], row["state"]) == (5, 0, "entered")
    assert (row["reason"], row["made_by"], row["agreed_by"]) == ("order 7", "anna", "maria")
    assert run("campaigns", "end", "1", "--reason", "x", "--yes")[0] == Exit.USAGE
    assert run("campaigns", "end", "1", *PAIR, "--yes")[0] == Exit.OK
    assert listed(run) == []
    assert [row["state"] for row in listed(run, "--all")] == ["over"]
    trail = json.loads(run("audit", "--object", "campaigns", "--json")[1])
    assert [(row["actor"], row["second"], row["reason"]) for row in trail] == [
        ("anna", "maria", "order 7")
    ] * 2


BAD = [
    (("--points", "5", "--reason", "x"), "second person"),
    (("--points", "5", "--reason", "x", "--actor", "anna", "--second", "Anna"), "another one"),
    (("--points", "5", "--percent", "100", *PAIR), "one of the two"),
    (("--points", "5", "--weekday", "noday", *PAIR), "mon, tue"),
    (("--points", "5", "--hours", "9-17", *PAIR), "10:00-14:30"),
    (("--points", "5", "--hours", "24:30-24:59", *PAIR), "must be"),
    (("--points", "5", "--kind", "wizard", *PAIR), "family, senior"),
    (("--points", "5", "--partner", "99999999", *PAIR), "none of programme"),
    (("--points", "5", "--partner", "99999999999", *PAIR), "must be"),
    (("--points", "5", "--from", today().isoformat(), *PAIR), "a day to come"),
    (("--points", "5", "--until", "2020-01-01", *PAIR), "a campaign ends"),
    (("--percent", "-1", *PAIR), "must be"),
]


@pytest.mark.parametrize("number", range(0, len(BAD), 4))
def test_what_is_no_campaign_is_refused_in_a_line(run: Run, number: int) -> None:
    """Usage or not there, the reason in one line, and nothing written."""
    for words, why in BAD[number : number + 4]:
        kept = [word for n, word in enumerate(ADD) if word not in words and ADD[n - 1] not in words]
        status, _, err = run(*kept, *words)
        assert status in (Exit.USAGE, Exit.NOT_FOUND), words
        assert why in err, (words, err)
    assert listed(run, "--all") == []
