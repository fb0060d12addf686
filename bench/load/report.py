"""The report of a load test: what was loaded, on what, and both sides of it, as one HTML page.

Owns the page's layout and words. Must not measure, nor know Locust or metrics beyond the charts it is given.
Invariants: the page loads nothing from anywhere; every text that came from outside is escaped; a side that is
not known is said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from bench.charts import STYLE, Chart, Unit, draw, figure
from bench.load.server_side import Summary

WIDTH: Final = 560
HEIGHT: Final = 240
CSS: Final = """
:root { color-scheme: light dark; --ink: #24292f; --faint: #57606a; --line: #d0d7de; --paper: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --faint: #9da7b1; --line: #30363d; --paper: #0d1117 }
}
body { margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
       font: 15px/1.45 system-ui, sans-serif }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } h3 { font-size: 1rem }
table { border-collapse: collapse }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .7rem .2rem 0; vertical-align: top }
th { text-align: left; font-weight: 600; white-space: nowrap }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem }
figure { margin: 0 0 1rem; border: 1px solid var(--line); border-radius: 6px }
svg { display: block; width: 100% }
.word { border-left: 4px solid #c2570c; padding-left: .8rem } .faint { color: var(--faint) }
.scroll { overflow-x: auto } iframe { width: 100%; height: 50rem; border: 1px solid var(--line) }
"""


class Facts(NamedTuple):
    """What a report means little without."""

    title: str
    target: str
    version: str
    """Of the switch, by its own word; empty: not known."""
    settings: Mapping[str, str]
    circumstances: Sequence[str]
    outcome: str


class ServerSide(NamedTuple):
    """What the switch did; `words` says what is not known of it, and what is to be done about that."""

    charts: Sequence[Chart]
    summary: Summary | None
    words: Sequence[str]


class TerminalsSide(NamedTuple):
    """What the terminals saw; `report` is Locust's own page, empty when it left none."""

    charts: Sequence[Chart]
    words: Sequence[str]
    report: str


def make_page(facts: Facts, terminals: TerminalsSide, server: ServerSide, seconds: float) -> str:
    """Return the page; the charts of both sides cover `seconds` from the start."""
    title = escape(facts.title)
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{CSS}{STYLE}</style></head><body><main>",
            f"<h1>{title}</h1>",
            _facts(facts),
            *(f'<p class="word">{escape(word)}</p>' for word in (*server.words, *terminals.words)),
            "<h2>The switch, over the whole run</h2>",
            _summary(server.summary),
            "<h2>Both sides, on one clock</h2>",
            '<div class="sides">',
            _side("What the terminals saw, by Locust", terminals.charts, seconds),
            _side("What the switch did, by its workers' /metrics once a second", server.charts, seconds),
            "</div>",
            _locust(terminals.report),
            "</main></body></html>",
            "",
        ]
    )


def _facts(facts: Facts) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in facts.settings.items())
    version = facts.version or "not known: its /metrics were not read"
    rows = [("target", facts.target), ("version of the switch", version), ("settings", settings)]
    for line in facts.circumstances:
        name, colon, value = line.partition(": ")
        rows.append((name, value) if colon else ("this checkout", line))
    rows.append(("outcome", facts.outcome))
    return _rows([(escape(name), escape(value)) for name, value in rows])


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows)
    return f'<div class="scroll"><table>{cells}</table></div>'


def _summary(summary: Summary | None) -> str:
    if summary is None:
        return '<p class="faint">No figures.</p>'

    def said(value: float | None, unit: Unit) -> str:
        return "no figures" if value is None else figure(value, unit)

    replies = ", ".join(f"{count:,.0f} {name}" for name, count in sorted(summary.replies.items()))
    cores = ", ".join(figure(value, Unit.CORES) for value in summary.cores)
    rows = [
        ("replies", replies or "none"),
        ("response time, p50 / p99", f"{said(summary.request_p50_s, Unit.SECONDS)} / "
         f"{said(summary.request_p99_s, Unit.SECONDS)}"),
        ("commit, p50 / p99", f"{said(summary.commit_p50_s, Unit.SECONDS)} / "
         f"{said(summary.commit_p99_s, Unit.SECONDS)}"),
        ("postings in a batch, mean", said(summary.postings_per_commit, Unit.COUNT)),
        ("oldest posting not yet sent, at most", said(summary.queue_age_s_max, Unit.SECONDS)),
        ("processor time of each worker, mean", cores or "no figures"),
    ]  # fmt: skip
    return _rows([(escape(name), escape(value)) for name, value in rows])


def _side(title: str, charts: Sequence[Chart], seconds: float) -> str:
    figures = "".join(_figure(chart, seconds) for chart in charts)
    return f"<section><h3>{escape(title)}</h3>{figures or '<p>Not known.</p>'}</section>"


def _figure(chart: Chart, seconds: float) -> str:
    drawn = draw(chart, width=WIDTH, height=HEIGHT, seconds=seconds)
    words = escape(chart.title)
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">{drawn}</svg></figure>'
    )


def _locust(report: str) -> str:
    """Return Locust's own page, in a frame of its own: its script and style touch nothing of ours."""
    if not report:
        return ""
    return (
        "<h2>Locust's own report</h2>"
        f'<iframe title="Locust\'s own report" loading="lazy" srcdoc="{escape(report, quote=True)}"></iframe>'
    )
