"""What a fleet did: counted while it runs, reported as JSON, merged when several processes shared the work.

Owns the tally and the report; must not know: sockets, terminals' insides, how the load was made.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from protocol import ResultClass, ResultCode, result_class
from simulators.city.trade import Mix
from simulators.fleet.choices import Answer
from simulators.fleet.histogram import Histogram, Summary
from simulators.till.exchange import Counters
from simulators.till.store import TerminalMemory

EXAMPLES_MAX: Final = 20
_NAME_OF: Final = {int(code): code.name for code in ResultCode}


class FleetPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a fleet is to do. Times in seconds; `rate_per_s` 0: as fast as the terminals go (closed loop).

    Terminals `terminal_first` .. `terminal_first + terminals - 1` of the population (indexes) trade for
    `duration_s`, then settle within `settle_s`. `cut_off_share` 0..1 of the requests is cut off midway.
    `transactions_max` per terminal ends the trading earlier; 0: only time does.
    `state_dir` holds the terminals' memories and the audit log, and belongs to one ledger.
    """

    seed: str
    address: str
    state_dir: str
    cards: int = 50_000
    partners: int = 300
    population_terminals: int = 0
    programme: int = 1
    terminal_first: int = 0
    terminals: int = 300
    rate_per_s: float = 0.0
    duration_s: float = 30.0
    transactions_max: int = 0
    connect_s: float = 30.0
    settle_s: float = 60.0
    cut_off_share: float = 0.01
    mix: Mix = Mix()
    durable: bool = False
    audited: bool = True
    totals_at_end: bool = True
    ca_file: str = ""
    certificate: str = ""
    """A file with a certificate and its key that every terminal shows where one is asked for."""


class Remaining(msgspec.Struct, frozen=True):
    """A terminal that could not settle: its pending STAN (0: none), and how many advices wait."""

    terminal: int
    pending_stan: int
    is_reversing: bool
    advices: int


class FleetReport(msgspec.Struct, kw_only=True):
    """What a fleet did. `duration_s` is the time of trading; `transactions` those answered within it.

    `latency` counts undisturbed requests, from the moment they were due (open loop) or begun (closed loop);
    `recovery` those that were cut off, to their end. `cpu_us_per_transaction` is this side's processor time.
    """

    plan: FleetPlan
    processes: int = 1
    terminals_connected: int = 0
    duration_s: float = 0.0
    transactions: int = 0
    throughput_per_s: float = 0.0
    latency: Summary
    recovery: Summary
    latency_buckets: dict[int, int]
    recovery_buckets: dict[int, int]
    by_operation: dict[str, dict[str, int]]
    cut_offs: dict[str, int]
    errors: dict[str, int]
    requests: int = 0
    repeats: int = 0
    links: int = 0
    links_failed: int = 0
    given_up: int = 0
    reversals_acknowledged: int = 0
    advices_stored: int = 0
    advices_acknowledged: int = 0
    totals_agreed: int = 0
    totals_differed: int = 0
    unexpected: int = 0
    unexpected_examples: list[str]
    remaining: list[Remaining]
    cpu_us_per_transaction: float = 0.0
    was_stopped_early: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing remained and nothing was unexpected."""
        return not self.remaining and not self.unexpected and not self.totals_differed


class Progress(msgspec.Struct, frozen=True):
    """One second of a fleet's life. `repeats`: requests sent again; `p99_us`: of the last second alone."""

    phase: str
    elapsed_s: float
    transactions: int
    transactions_last_second: int
    connected: int
    errors: int
    approved: int = 0
    declined: int = 0
    repeats: int = 0
    p99_us: int = 0


@dataclass
class Tally:
    """The counters of one process."""

    transactions: int = 0
    connected: int = 0
    latency: Histogram = field(default_factory=Histogram)
    recovery: Histogram = field(default_factory=Histogram)
    codes: dict[str, dict[int, int]] = field(default_factory=dict)
    cut_offs: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    wire: Counters = field(default_factory=Counters)
    totals_agreed: int = 0
    totals_differed: int = 0
    unexpected: int = 0
    unexpected_examples: list[str] = field(default_factory=list)
    remaining: list[Remaining] = field(default_factory=list)

    def answered(self, answer: Answer) -> None:
        """Count an answer within the time of trading."""
        self.transactions += 1
        codes = self.codes.setdefault(answer.operation, {})
        codes[answer.code] = codes.get(answer.code, 0) + 1
        if answer.unexpected:
            self.was_unexpected(answer.unexpected)

    def approved(self) -> int:
        """Return how many answers were approvals."""
        return sum(
            count
            for codes in self.codes.values()
            for code, count in codes.items()
            if result_class(code) is ResultClass.APPROVE
        )

    def was_unexpected(self, example: str) -> None:
        """Count something that should not have happened."""
        self.unexpected += 1
        if len(self.unexpected_examples) < EXAMPLES_MAX:
            self.unexpected_examples.append(example)

    def failed(self, error: Exception) -> None:
        """Count an error of the network or of the switch."""
        name = type(error).__name__
        self.errors[name] = self.errors.get(name, 0) + 1

    def absorb(self, counters: Counters) -> None:
        """Add what a terminal did on the wire."""
        for name in Counters.__slots__:
            setattr(self.wire, name, getattr(self.wire, name) + getattr(counters, name))

    def remains(self, memory: TerminalMemory) -> None:
        """Note a terminal that could not settle."""
        pending = memory.pending
        self.remaining.append(
            Remaining(
                memory.terminal,
                pending.stan if pending else 0,
                bool(pending and pending.original_type),
                len(memory.advices),
            )
        )

    def report(self, plan: FleetPlan, *, duration_s: float, cpu_s: float, stopped_early: bool) -> FleetReport:
        """Return the report of this process."""
        return FleetReport(
            plan=plan,
            terminals_connected=self.connected,
            duration_s=duration_s,
            transactions=self.transactions,
            throughput_per_s=self.transactions / duration_s if duration_s else 0.0,
            latency=self.latency.summary(),
            recovery=self.recovery.summary(),
            latency_buckets=self.latency.buckets,
            recovery_buckets=self.recovery.buckets,
            by_operation={
                operation: {_NAME_OF.get(code, str(code)): count for code, count in sorted(codes.items())}
                for operation, codes in sorted(self.codes.items())
            },
            cut_offs=self.cut_offs,
            errors=self.errors,
            **{name: getattr(self.wire, name) for name in Counters.__slots__},
            totals_agreed=self.totals_agreed,
            totals_differed=self.totals_differed,
            unexpected=self.unexpected,
            unexpected_examples=self.unexpected_examples,
            remaining=self.remaining,
            cpu_us_per_transaction=cpu_s * 1e6 / self.transactions if self.transactions else 0.0,
            was_stopped_early=stopped_early,
        )


_SUMS: Final = (
    "terminals_connected",
    "transactions",
    "requests",
    "repeats",
    "links",
    "links_failed",
    "given_up",
    "reversals_acknowledged",
    "advices_stored",
    "advices_acknowledged",
    "totals_agreed",
    "totals_differed",
    "unexpected",
)


def merge_reports(plan: FleetPlan, reports: Iterable[FleetReport]) -> FleetReport:
    """Return one report for processes that worked side by side on parts of `plan`."""
    parts = list(reports)
    tally = Tally()
    for part in parts:
        tally.latency.merge(Histogram(part.latency_buckets, part.latency.max_us))
        tally.recovery.merge(Histogram(part.recovery_buckets, part.recovery.max_us))
        _add(tally.cut_offs, part.cut_offs)
        _add(tally.errors, part.errors)
        tally.unexpected_examples += part.unexpected_examples
        tally.remaining += part.remaining
    duration_s = max((part.duration_s for part in parts), default=0.0)
    merged = tally.report(
        plan, duration_s=duration_s, cpu_s=0.0, stopped_early=any(part.was_stopped_early for part in parts)
    )
    merged.processes = len(parts)
    merged.by_operation = {}
    for part in parts:
        for operation, codes in part.by_operation.items():
            _add(merged.by_operation.setdefault(operation, {}), codes)
    for name in _SUMS:
        setattr(merged, name, sum(getattr(part, name) for part in parts))
    merged.throughput_per_s = sum(part.throughput_per_s for part in parts)
    cpu_us = sum(part.cpu_us_per_transaction * part.transactions for part in parts)
    merged.cpu_us_per_transaction = cpu_us / merged.transactions if merged.transactions else 0.0
    return merged


def _add(into: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        into[name] = into.get(name, 0) + count
