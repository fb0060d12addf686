"""A load test as a record: what was set, what was watched, and the page that is written of it at its end.

Owns the gathering of both sides and the files. Must not know the layout (`report`). Invariants: the page is
written of whatever there is, also when the switch or Locust ended before its time, and says what is missing;
Locust's own page goes into ours, and is no file beside it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

from bench.circumstances import circumstances
from bench.load import server_side, terminals_side
from bench.load.report import Facts, ServerSide, TerminalsSide, make_page
from bench.load.watch import Watch

NAMED: Final = ("shape", "seconds", "users", "pause_s", "processes", "seed", "cards", "partners")
NO_HTTP: Final = (
    "The switch's side is not known: name its workers' HTTP addresses with LOAD_HTTP=127.0.0.1:9101,… (their"
    " http_port, counting up), and the next report will have it."
)
NO_ANSWER: Final = "The switch's side is not known: no worker answered to /metrics on {}."
NO_LOCUST: Final = "Locust left no figures: it was ended before it wrote any."


class Run:
    """One load test. `target` is where the terminals connect; `path` that of the reports without endings."""

    def __init__(
        self, options: argparse.Namespace, target: str, is_own: bool, path: Path, watch: Watch
    ) -> None:
        self.options = options
        self.target = target
        self.is_own = is_own
        self.path = path
        self.watch = watch
        self._circumstances = circumstances()
        self.began_s = time.time()
        self._outcome = ["it was cut short: the switch ended, or the run was ended"]

    def ended(self, outcome: str) -> None:
        """Note how the load ended."""
        self._outcome = [outcome]

    def add(self, outcome: str) -> None:
        """Note one thing more that was found at the end."""
        self._outcome.append(outcome)

    def write(self) -> Path:
        """Write the page and return its path."""
        terminals, server = self._terminals(), self._server()
        ends = [
            at_s
            for chart in (*terminals.charts, *server.charts)
            for line in chart.lines
            for at_s, _ in line.points
        ]
        page = make_page(self._facts(), terminals, server, max(ends, default=float(self.options.seconds)))
        path = self.path.with_name(f"{self.path.name}.html")
        path.write_text(page, encoding="utf-8")
        locust_page(self.path).unlink(missing_ok=True)
        return path

    def _facts(self) -> Facts:
        options = vars(self.options)
        settings = {name.replace("_", "-"): str(options[name]) for name in NAMED}
        if self.is_own:
            settings["workers"] = str(self.options.workers)
        whose = "a switch of our own, this checkout" if self.is_own else "a switch that ran already"
        return Facts(
            title=f"Load test of cityswitch: {self.options.shape}, {self.options.users} terminals",
            target=f"{self.target} ({whose})",
            version=server_side.version_of(self.watch.rounds),
            settings=settings,
            circumstances=self._circumstances,
            outcome="; ".join(self._outcome),
        )

    def _server(self) -> ServerSide:
        rounds = self.watch.rounds
        if not any(samples is not None for each in rounds for samples in each.workers):
            word = NO_ANSWER.format(", ".join(self.watch.urls)) if self.watch.urls else NO_HTTP
            return ServerSide([], None, [word])
        words = [f"The switch's side has gaps: {gap}." for gap in server_side.gaps_of(rounds)]
        return ServerSide(server_side.charts_of(rounds), server_side.summary_of(rounds), words)

    def _terminals(self) -> TerminalsSide:
        history = terminals_side.read_rows(self.path.with_name(f"{self.path.name}_stats_history.csv"))
        own = locust_page(self.path)
        return TerminalsSide(
            terminals_side.charts_of(history, self.began_s),
            [] if history else [NO_LOCUST],
            own.read_text(encoding="utf-8") if own.exists() else "",
        )


def locust_page(path: Path) -> Path:
    """Return where Locust writes its own page, which ours takes in."""
    return path.with_name(f"{path.name}-locust.html")
