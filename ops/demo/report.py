"""What a demo ends with: the fleet's figures, the auditor's comparison and the books' own proof, as lines.

Pure. Owns the wording and the verdict. Invariant: `holds` is true only if nothing was lost, posted twice,
left unsettled, and the books prove right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledger.books.posting import Unit
from ledger.books.statements import TrialRow
from ledger.books.verify import Finding
from simulators.audit.differences import AuditResult
from simulators.fleet.histogram import Summary
from simulators.fleet.report import FleetReport, Progress


@dataclass(frozen=True)
class DemoOutcome:
    """All that is known when the fleet has gone home."""

    fleet: FleetReport
    audit: AuditResult
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
        for difference, found in sorted(self.audit.differences.items()):
            yield f"{found.count} x {difference.value.replace('_', ' ')}, such as {found.examples[0]}"
        for finding in self.findings:
            if finding.count:
                yield f"not so: {finding.invariant}: {finding.count} times, such as {finding.example}"
        if self.debit != self.credit:
            yield f"debits {self.debit} differ from credits {self.credit}"
        if self.audit.unsettled:
            yield f"{self.audit.unsettled} requests are not settled"
        if self.fleet.remaining:
            yield f"{len(self.fleet.remaining)} terminals went home with something unsettled"
        if self.fleet.totals_differed:
            yield f"{self.fleet.totals_differed} terminals' totals differ from the switch's"
        if not self.fleet.transactions:
            yield "no transaction was answered"

    @property
    def debit(self) -> int:
        """The sum of all debits, in points."""
        return sum(row.debit_points for row in self.trial if row.unit == Unit.POINTS)

    @property
    def credit(self) -> int:
        """The sum of all credits, in points."""
        return sum(row.credit_points for row in self.trial if row.unit == Unit.POINTS)


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
    """Return what the terminals saw."""
    cut_offs = sum(fleet.cut_offs.values())
    return [
        ("throughput", f"{fleet.throughput_per_s:,.0f} transactions/s for {fleet.duration_s:.1f} s"),
        ("latency", _percentiles(fleet.latency)),
        ("terminals", f"{fleet.terminals_connected:,}, each with one request at a time"),
        ("cut off midway", f"{cut_offs:,} requests, ended in {_percentiles(fleet.recovery)}"),
        ("sold offline", f"{fleet.advices_stored:,} stored, {fleet.advices_acknowledged:,} acknowledged"),
        ("terminals' totals", f"{fleet.totals_agreed:,} agree, {fleet.totals_differed:,} differ"),
    ]


def ledger_figures(outcome: DemoOutcome) -> list[Figure]:
    """Return what the auditor and the books say."""
    fleet, audit = outcome.fleet, outcome.audit
    broken = sum(found.count for found in audit.differences.values())
    held = sum(not finding.count for finding in outcome.findings)
    equal = "=" if outcome.debit == outcome.credit else "DIFFERS FROM"
    return [
        (
            "could post",
            f"{audit.sent:,} requests: {audit.told:,} acknowledged, {audit.unsettled:,} unsettled",
        ),
        ("found in the ledger", f"{audit.told - broken:,} of {audit.told:,} acknowledged, as acknowledged"),
        ("approved, declined", f"{audit.approved:,}, {audit.declined:,}"),
        (
            "duplicates",
            f"{fleet.repeats:,} requests sent again, {outcome.replays:,} answered from the journal",
        ),
        ("reversals", f"{audit.reversed:,} acknowledged, {fleet.given_up:,} for requests given up"),
        ("debits, credits", f"{outcome.debit:,} {equal} {outcome.credit:,} points"),
        ("ledger verify", f"{held} of {len(outcome.findings)} invariants hold"),
    ]


def table_lines(figures: Sequence[Figure]) -> list[str]:
    """Return figures as indented lines, labels aligned."""
    width = max(len(label) for label, _ in figures)
    return [f"  {label:<{width}}  {figure}" for label, figure in figures]


def report_lines(outcome: DemoOutcome) -> list[str]:
    """Return the reconciliation, its verdict last."""
    lines = table_lines([*fleet_figures(outcome.fleet), *ledger_figures(outcome)])
    problems = list(outcome.problems())
    lines += [f"  DIFFERENCE: {problem}" for problem in problems]
    if outcome.fleet.unexpected:
        # Not a matter of the books: a card blocked or rules changed by hand surprise the simulated
        # cashiers, too.
        lines.append(f"  note: {outcome.fleet.unexpected:,} answers surprised the cashiers, such as:")
        lines += [f"    {example}" for example in outcome.fleet.unexpected_examples[:3]]
    lines.append("")
    lines.append("Everything reconciles." if not problems else "It does NOT reconcile.")
    return lines


def _percentiles(summary: Summary) -> str:
    return f"p50 {_ms(summary.p50_us)} ms, p95 {_ms(summary.p95_us)} ms, p99 {_ms(summary.p99_us)} ms"


def _ms(micros: int) -> str:
    return f"{micros / 1000:.1f}"
