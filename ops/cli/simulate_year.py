"""`cityswitch simulate year`: a year of the three cities, every reply foretold by an auditor.

Owns the options and what is printed; the year is `simulators.world.year`'s. Invariant: exit status 0 only if
every reply was foretold, the books are right and, in a whole year, every rule was met often enough.
"""

from __future__ import annotations

import os
import time
from datetime import date
from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ops.cli.bounds import between
from ops.cli.help_texts import examples
from ops.cli.simulate_differential import app
from ops.exit_codes import Exit
from ops.output import print_json, print_line, say
from simulators.world.year.processes import live_all
from simulators.world.year.report import Report, plans

__all__ = ["app"]

SEED_MAX: Final = 2**63 - 1
CARDS_MAX: Final = 500_000
PARTNERS_MAX: Final = 3_000
TRANSACTIONS_MAX: Final = 100_000_000
_CITIES: Final = ("czestochowa", "zywiec", "zgierz")


@app.command(
    help_epilogue=examples(
        "simulate year --seed 1 --cards 500 --partners 30 --transactions 60000",
        "simulate year --seed 2 --city zgierz --transactions 1000000",
        "simulate year --seed 3 --json",
    )
)
def year(
    *,
    seed: Annotated[
        int, Parameter(help="Of everything; it draws the year, too.", validator=between(0, SEED_MAX))
    ],
    cards: Annotated[
        int, Parameter(help="Residents of each city.", validator=between(100, CARDS_MAX))
    ] = 50_000,
    partners: Annotated[
        int, Parameter(help="Shops of each city.", validator=between(12, PARTNERS_MAX))
    ] = 300,
    city: Annotated[
        tuple[Literal["czestochowa", "zywiec", "zgierz"], ...], Parameter(help="Which cities; all of them.")
    ] = (),
    transactions: Annotated[
        int,
        Parameter(help="About so many, of all cities together.", validator=between(1_000, TRANSACTIONS_MAX)),
    ] = 5_000_000,
    json: Annotated[bool, Parameter(help="The whole report as JSON.")] = False,
) -> Exit:
    """Live through a year of the cities: residents, shops and offices against the switch and an auditor."""
    wanted = plans(seed, tuple(dict.fromkeys(city)) or _CITIES, cards, partners, transactions)
    say(f"seed {seed}, year {wanted[0].year}: {', '.join(plan.city for plan in wanted)}")
    began_s = time.monotonic()
    with _bar() as bar:
        tasks: dict[str, TaskID] = {plan.city: bar.add_task(plan.city, total=366) for plan in wanted}

        def on_day(name: str, day: date, so_far: int) -> None:
            done = day.timetuple().tm_yday
            bar.update(tasks[name], completed=done, description=f"{name} {day} {so_far:,}")

        lived = live_all(wanted, os.cpu_count() or 1, on_day)
    report = Report(seed, wanted[0].year, lived, time.monotonic() - began_s)
    if json:
        print_json(_document(report))
    else:
        for line in report.lines():
            print_line(line)
    return Exit.DIFFERENCES if report.failures() else Exit.OK


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _document(report: Report) -> dict[str, object]:
    return {
        "seed": report.seed,
        "year": report.year,
        "seconds": round(report.seconds, 1),
        "transactions": report.transactions,
        "failures": report.failures(),
        "cities": [
            {
                "city": one.plan.city,
                "cards": one.plan.cards,
                "partners": one.plan.partners,
                "transactions": one.transactions,
                "journalled": one.journalled,
                "changes": one.changes,
                "not_foretold": one.surprised,
                "surprises": [str(surprise) for surprise in one.surprises],
            }
            for one in report.lived
        ],
        "pairs": [
            {"rule": f"{pair.section}: {pair.rule}", "outcome": pair.outcome.words, "times": pair.times}
            for pair in report.pairs()
        ],
    }
