"""A small year of each city: every reply foretold, the books right, the table of rules complete."""

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from ops.cli import main
from ops.exit_codes import Exit
from simulators.world.year.city_year import Lived, Plan, live
from simulators.world.year.days import HOUR_MS, at_ms, days_of, years_later
from simulators.world.year.defaults_met import DEFAULTS_MET
from simulators.world.year.pairs import count, seen
from simulators.world.year.processes import YearLost, live_all
from simulators.world.year.referee import Occurred
from simulators.world.year.report import Report, plans
from simulators.world.year.rules_met import MET
from simulators.world.year.rules_not_met import NOT_AT_A_TILL

RULES = Path(__file__).resolve().parents[3] / "docs" / "rules.md"
CITIES = ["czestochowa", "zywiec", "zgierz"]
CARDS, PARTNERS, TRANSACTIONS = 500, 30, 10_000


def rows_of_the_page() -> set[tuple[str, str]]:
    """Section (A to C, D: defaults) and rule of every row of docs/rules.md."""
    rows, section = set(), ""
    for line in RULES.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3]
        elif line.startswith("| ") and not re.match(r"\| (rule|---) ", line):
            rows.add((section, line[2:].split(" | ")[0]))
    return rows


@pytest.mark.parametrize("city", CITIES)
def test_a_small_year_holds_no_surprise(city: str) -> None:
    """A whole year of a city of 500 cards: not one reply was unforetold, and the books are right."""
    (lived,) = live_all([Plan(0, city, CARDS, PARTNERS, TRANSACTIONS)], 1, lambda *_: None)
    assert [str(surprise) for surprise in lived.surprises] == []
    assert lived.surprised == 0
    assert lived.books == []
    assert lived.transactions > TRANSACTIONS * 3 // 4
    assert lived.units > CARDS
    met = count({**MET, **DEFAULTS_MET}, {city: lived.occurred}, is_leap=True)
    assert sum(pair.times > 0 for pair in met) > len(met) * 3 // 4


def test_the_same_seed_lives_the_same_year() -> None:
    """Two runs of a seed occur alike, request by request; another seed does not."""
    last = date(2025, 1, 20)
    runs = [live(Plan(seed, "czestochowa", 200, 12, 30_000, last)) for seed in (1, 1, 7)]
    assert runs[0].occurred == runs[1].occurred
    assert runs[0].occurred != runs[2].occurred


def test_every_row_of_the_rules_page_is_met_or_said_not_to_be() -> None:
    """Each rule of docs/rules.md has outcomes at a till, or stands among those that no till meets."""
    met = MET.keys() | DEFAULTS_MET.keys()
    assert met | NOT_AT_A_TILL.keys() == rows_of_the_page()
    assert not met & NOT_AT_A_TILL.keys()


def test_a_pair_counts_what_has_its_code_and_all_its_circumstances() -> None:
    """A request counts for an outcome by code, city, way of reading and circumstances; none too many."""
    table = {("A", "a rule"): (seen("it", "zgierz", "Earn", 0, "wet", without=("cold",), entry=1),)}
    happened = Counter(
        {
            Occurred("Earn", 0, 1, ("dark", "wet")): 3,
            Occurred("Earn", 0, 2, ("wet",)): 10,
            Occurred("Earn", 1, 1, ("wet",)): 10,
            Occurred("Earn", 0, 1, ("wet", "cold")): 10,
            Occurred("Redeem", 0, 1, ("wet",)): 10,
        }
    )
    (pair,) = count(table, {"zgierz": happened}, is_leap=False)
    assert pair.times == 3
    assert count(table, {"zywiec": happened}, is_leap=False) == []


def test_a_whole_year_fails_where_a_rule_was_hardly_met() -> None:
    """In a year of five million transactions a pair that is missing is a failure; in a small one not."""
    whole = [
        Lived(plan, plan.transactions, 0, 0, 0, [], [], 0, Counter())
        for plan in plans(1, CITIES, 1, 1, 6_000_000)
    ]
    assert any("0 times, not 100" in failure for failure in Report(1, 2025, whole, 1.0).failures())
    small = [one._replace(transactions=1) for one in whole]
    assert Report(1, 2025, small, 1.0).failures() == []
    surprised = [small[0]._replace(surprised=2, books=["it sums to 1"])]
    assert Report(1, 2025, surprised, 1.0).failures() == [
        "czestochowa: 2 of 1 replies were not foretold",
        "czestochowa: it sums to 1",
    ]


def test_the_days_of_a_year_are_as_long_as_they_are() -> None:
    """A leap year has 366 days, one of 23 hours, one of 25, and the hour shown twice is there twice."""
    days = list(days_of(2024))
    assert len(days) == 366
    assert [(day.date, day.hours) for day in days if day.hours != 24] == [
        (date(2024, 3, 31), 23),
        (date(2024, 10, 27), 25),
    ]
    night = date(2024, 10, 27)
    assert at_ms(night, 2, 30, again=True) - at_ms(night, 2, 30) == HOUR_MS
    assert years_later(date(2024, 2, 29), 2) == date(2026, 2, 28)


def test_a_city_whose_process_dies_is_an_error() -> None:
    """A process that ends without its year is told, never left out of the table."""
    with pytest.raises(YearLost, match="nowhere"):
        live_all([Plan(1, "nowhere", 1, 12, 1_000)], 1, lambda *_: None)


def test_the_command_prints_the_table_and_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """`simulate year` prints every rule met with its count, the figures and the seed."""
    arguments = ["--seed", "3", "--city", "zywiec", "--cards", "100", "--partners", "12"]
    assert main(["simulate", "year", *arguments, "--transactions", "2000"]) == Exit.OK
    told = capsys.readouterr()
    assert "B  suspended (comes back) and called off (for good)" in told.out
    assert "seed 3, year 2027: " in told.out
    assert "0 replies not foretold" in told.out
    assert "seed 3" in told.err
