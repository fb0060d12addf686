"""What a demo ends with: each city's figures side by side, the auditor's comparison and the books' own proof.

Pure. Owns the wording and the verdict. Invariant: `holds` is true only if nothing was lost, posted twice,
left unsettled in any city, points, uses and grosze come to what terminals were told, and the books prove
right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.books.posting import Unit
from ledger.books.statements import TrialRow
from ledger.books.verify import Finding
from simulators.audit.differences import AuditResult
from simulators.fleet.histogram import Histogram, Summary
from simulators.fleet.report import FleetReport, Progress

UNIT_NAMES: Final = {Unit.POINTS: "points", Unit.USES: "uses", Unit.GROSZE: "grosze"}


@dataclass(frozen=True)
class CityOutcome:
    """What is known of one city when its fleet has gone home."""

    name: str
    fleet: FleetReport
    audit: AuditResult

    def problems(self) -> Iterator[str]:
        """Yield a line for each thing that does not reconcile."""
        for difference, found in sorted(self.audit.differences.items()):
            yield f"{found.count} x {difference.value.replace('_', ' ')}, such as {found.examples[0]}"
        if self.audit.unsettled:
            yield f"{self.audit.unsettled} requests are not settled"
        if self.audit.told_sums != self.audit.posted_sums:
            yield f"terminals were told {self.audit.told_sums}, posted is {self.audit.posted_sums}"
        if self.fleet.remaining:
            yield f"{len(self.fleet.remaining)} terminals went home with something unsettled"
        if self.fleet.totals_differed:
            yield f"{self.fleet.totals_differed} terminals' totals differ from the switch's"
        if not self.fleet.transactions and not self.fleet.was_stopped_early:
            yield "no transaction was answered"


@dataclass(frozen=True)
class DemoOutcome:
    """All that is known when the fleets have gone home."""

    cities: Sequence[CityOutcome]
    findings: Sequence[Finding]
    trial: Sequence[TrialRow]
    replays: int
    """Requests the switch answered from the journal, as counted by its workers."""

    @property
    def holds(self) -> bool:
        """Whether everything reconciles."""
        return not any(True for _ in self.problems())

    def problems(self) -> Iterator[str]:
        """Yield a line for each thing that does not reconcile."""
        for city in self.cities:
            for problem in city.problems():
                yield f"{city.name}: {problem}"
        for finding in self.findings:
            if finding.count:
                yield f"not so: {finding.invariant}: {finding.count} times, such as {finding.example}"
        for unit, name in UNIT_NAMES.items():
            debit, credit = self.turnover(unit)
            if debit != credit:
                yield f"debits of {debit} {name} differ from credits of {credit}"

    def turnover(self, unit: Unit) -> tuple[int, int]:
        """Return the sums of all debits and all credits in a unit."""
        rows = [row for row in self.trial if row.unit == unit]
        return sum(row.debit_points for row in rows), sum(row.credit_points for row in rows)


def live_line(progress: Progress) -> str:
    """Return the line of one second."""
    if progress.phase != "trading":
        return f"  {progress.elapsed_s:4.0f} s  {progress.phase}, {progress.connected} terminals on line"
    return (
        f"  {progress.elapsed_s:4.0f} s {progress.transactions_last_second:>7,}/s  "
        f"p99 {_ms(progress.p99_us):>6} ms {progress.approved:>10,} approved "
        f"{progress.declined:>8,} declined {progress.repeats:>6,} resent"
    )


Figure = tuple[str, str]
"""A label, and what it came to."""


def fleet_figures(fleet: FleetReport) -> list[Figure]:
    """Return what the terminals of one fleet saw."""
    cut_offs = sum(fleet.cut_offs.values())
    return [
        ("throughput", f"{fleet.throughput_per_s:,.0f} transactions/s for {fleet.duration_s:.1f} s"),
        ("latency", _percentiles(fleet.latency)),
        ("terminals", f"{fleet.terminals_connected:,}, each with one request at a time"),
        ("cut off midway", f"{cut_offs:,} requests, ended in {_percentiles(fleet.recovery)}"),
        ("sold offline", f"{fleet.advices_stored:,} stored, {fleet.advices_acknowledged:,} acknowledged"),
        ("terminals' totals", f"{fleet.totals_agreed:,} agree, {fleet.totals_differed:,} differ"),
    ]


def _found(city: CityOutcome) -> int:
    return city.audit.told - sum(found.count for found in city.audit.differences.values())


_COUNTS: Final[tuple[tuple[str, Callable[[CityOutcome], int]], ...]] = (
    ("terminals", lambda city: city.fleet.terminals_connected),
    ("transactions", lambda city: city.fleet.transactions),
    ("cut off midway", lambda city: sum(city.fleet.cut_offs.values())),
    ("stored offline", lambda city: city.fleet.advices_stored),
    ("could post", lambda city: city.audit.sent),
    ("acknowledged", lambda city: city.audit.told),
    ("found in the ledger", _found),
    ("unsettled", lambda city: city.audit.unsettled),
    ("approved", lambda city: city.audit.approved),
    ("declined", lambda city: city.audit.declined),
    ("benefits used", lambda city: city.audit.benefits),
    ("refunds", lambda city: city.audit.refunds),
    ("reversals", lambda city: city.audit.reversed),
    ("given up", lambda city: city.fleet.given_up),
    ("totals that agree", lambda city: city.fleet.totals_agreed),
    ("totals that differ", lambda city: city.fleet.totals_differed),
    ("net points, told", lambda city: city.audit.told_sums.points),
    ("  in the ledger", lambda city: city.audit.posted_sums.points),
    ("net uses, told", lambda city: city.audit.told_sums.uses),
    ("  in the ledger", lambda city: city.audit.posted_sums.uses),
    ("net grosze off, told", lambda city: city.audit.told_sums.grosze),
    ("  in the ledger", lambda city: city.audit.posted_sums.grosze),
)


def city_lines(cities: Sequence[CityOutcome]) -> list[str]:
    """Return the figures of the cities side by side, and together."""
    together = Histogram()
    for city in cities:
        together.merge(Histogram(city.fleet.latency_buckets, city.fleet.latency.max_us))
    summary = together.summary()
    rate = sum(city.fleet.throughput_per_s for city in cities)
    rows: list[list[str]] = [
        ["", *(city.name for city in cities), "together"],
        ["transactions/s", *(f"{city.fleet.throughput_per_s:,.0f}" for city in cities), f"{rate:,.0f}"],
        ["p50, ms", *(_ms(city.fleet.latency.p50_us) for city in cities), _ms(summary.p50_us)],
        ["p99, ms", *(_ms(city.fleet.latency.p99_us) for city in cities), _ms(summary.p99_us)],
    ]
    for label, count in _COUNTS:
        counts = [count(city) for city in cities]
        rows.append([label, *(f"{each:,}" for each in (*counts, sum(counts)))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def ledger_figures(outcome: DemoOutcome) -> list[Figure]:
    """Return what the books say of all cities."""
    held = sum(not finding.count for finding in outcome.findings)
    repeats = sum(city.fleet.repeats for city in outcome.cities)
    figures = [
        ("duplicates", f"{repeats:,} requests sent again, {outcome.replays:,} answered from the journal")
    ]
    for unit, name in UNIT_NAMES.items():
        debit, credit = outcome.turnover(unit)
        equal = "=" if debit == credit else "DIFFERS FROM"
        figures.append((f"debits, credits in {name}", f"{debit:,} {equal} {credit:,}"))
    return [*figures, ("ledger verify", f"{held} of {len(outcome.findings)} invariants hold")]


def table_lines(figures: Sequence[Figure]) -> list[str]:
    """Return figures as indented lines, labels aligned."""
    width = max(len(label) for label, _ in figures)
    return [f"  {label:<{width}}  {figure}" for label, figure in figures]


def report_lines(outcome: DemoOutcome) -> list[str]:
    """Return the reconciliation, its verdict last."""
    lines = [*city_lines(outcome.cities), *table_lines(ledger_figures(outcome))]
    problems = list(outcome.problems())
    lines += [f"  DIFFERENCE: {problem}" for problem in problems]
    for city in outcome.cities:
        if not city.fleet.transactions and city.fleet.was_stopped_early:
            lines.append(f"  note: {city.name} was ended before it had traded.")
        if city.fleet.unexpected:
            # Not a matter of the books: a card blocked or rules changed by hand surprise the simulated
            # cashiers, too.
            lines.append(
                f"  note: {city.fleet.unexpected:,} answers surprised the cashiers of {city.name}, such as:"
            )
            lines += [f"    {example}" for example in city.fleet.unexpected_examples[:3]]
    lines.append("")
    lines.append("Everything reconciles." if not problems else "It does NOT reconcile.")
    return lines


def _percentiles(summary: Summary) -> str:
    return f"p50 {_ms(summary.p50_us)} ms, p95 {_ms(summary.p95_us)} ms, p99 {_ms(summary.p99_us)} ms"


def _ms(micros: int) -> str:
    return f"{micros / 1000:.1f}"
