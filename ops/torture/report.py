"""A torture's verdict in words. Must not know how it came about. Invariant: what was not played is named."""

from __future__ import annotations

import re
from collections import Counter
from statistics import median
from typing import Final

from ops.torture.faults import BY_NAME
from ops.torture.oracle import Recovery
from ops.torture.plan import Plan
from ops.torture.run import Verdict

THIN_SHARE_MAX: Final = 0.05
EXAMPLES_SHOWN: Final = 5


def is_thin(kills_that_met_little: int, kills: int) -> bool:
    """Whether too many kills met too little."""
    return kills_that_met_little > max(1, THIN_SHARE_MAX * kills)


def report(plan: Plan, verdict: Verdict) -> list[str]:
    """Return the verdict for people, one line each."""
    return [
        *_work(plan, verdict),
        "faults: " + _counted(Counter(verdict.faults)),
        *(f"  not played: {name}: {why}" for name, why in sorted(verdict.skipped.items())),
        *_kills(plan, verdict),
        f"violations: {len(verdict.violations)}",
        *_examples(verdict.violations),
    ]


def _examples(violations: list[str]) -> list[str]:
    """Return the first few of each kind: what stands before the first colon or number tells kinds apart."""
    seen: Counter[str] = Counter()
    shown = []
    for what in violations:
        kind = re.split(r"[:0-9]", what, maxsplit=1)[0]
        seen[kind] += 1
        if seen[kind] <= EXAMPLES_SHOWN:
            shown.append(f"  {what}")
    return shown


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def _work(plan: Plan, verdict: Verdict) -> list[str]:
    traded, audits, lines = verdict.traded, verdict.audits, verdict.lines
    operations: Counter[str] = Counter()
    for one in traded:
        operations.update(one.by_operation)
    again = sum(one.asked_again for one in traded)
    rows, postings = sum(one.journal_rows for one in audits), sum(one.postings for one in audits)
    return [
        f"seed {plan.seed}: {operations.total():,} operations of {plan.terminals} terminals",
        "  " + _counted(operations),
        f"  posting requests {lines.requests:,}, sent again {lines.repeated:,} ({again:,} on purpose), "
        f"told again {lines.told_again:,}",
        f"  compared with the books: {sum(one.told for one in audits):,} answers, {rows:,} rows, "
        f"{postings:,} postings",
        f"  totals that agree {sum(one.totals_agreed for one in traded):,}, keys changed "
        f"{sum(one.keys_changed for one in traded):,}, power cuts {sum(one.power_cuts for one in traded):,}",
        f"  answers a cashier had not foreseen (rules, keys and clocks change under way) "
        f"{sum(one.unexpected for one in traded):,}",
    ]


def _kills(plan: Plan, verdict: Verdict) -> list[str]:
    in_flight = sorted(kill.in_flight for kill in verdict.kills) or [0]
    recoveries = verdict.lines.recoveries(verdict.kills)
    lines = [
        f"kills: worker {verdict.killed('worker')}, Postgres {verdict.killed('postgres')}",
        f"  in flight at a kill: least {in_flight[0]}, median {in_flight[len(in_flight) // 2]}, "
        f"most {in_flight[-1]}; fewer than {plan.in_flight_min} at {verdict.thin}",
        f"  by the terminals' own logs: least {min(verdict.in_flight_by_logs, default=0)}, fewer than "
        f"{plan.in_flight_min} at {sum(one < plan.in_flight_min for one in verdict.in_flight_by_logs)}",
        "first good reply, s after the kill (median / most, of so many; none where the next kill came "
        "before it): to what was asked later, to one it struck, to half of them",
    ]
    for name in BY_NAME:
        found = [recovery for recovery in recoveries if recovery.fault == name]
        if found:
            lines.append(f"  {name:18} {len(found):5} times {_columns(found)}")
    if is_thin(verdict.thin, len(verdict.kills)):
        lines.append(f"too thin: {verdict.thin} kills met fewer than {plan.in_flight_min} in flight")
    return lines


def _columns(found: list[Recovery]) -> str:
    columns = zip(*((one.later_s, one.struck_s, one.half_s) for one in found), strict=True)
    return "   ".join(_figures([figure for figure in column if figure >= 0]) for column in columns)


def _figures(seconds: list[float]) -> str:
    figures = f"{median(seconds):7.2f} / {max(seconds):6.2f}" if seconds else "      – /      –"
    return f"{figures} of {len(seconds):4}"
