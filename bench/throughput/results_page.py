"""bench/THROUGHPUT.md, section by section: what a run of the throughput bench writes.

Owns the wording and layout of tables. Must not measure. Invariant: only what stands between the section's own
two marker comments is replaced; everything else on the page belongs to others and stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.throughput.goals import GOALS, Goal
from bench.throughput.lanes import BATCH_FACT
from bench.throughput.open_lanes import CITY, COMMIT, HALF, HIGH, OVERLOADED
from bench.throughput.picture import Bar, draw
from bench.throughput.rounds import Rounds, Spread

PAGE: Final = Path(__file__).parents[1] / "THROUGHPUT.md"
PICTURE: Final = Path(__file__).parents[1] / "throughput.svg"
PROCESSES: Final = ("server", "Postgres", "driver")
LATENCY_LANES: Final = (COMMIT, CITY, HALF, HIGH)


def replace_section(page: str, name: str, text: str) -> str:
    """Return the page with the section `name` replaced, or appended where it is not there yet."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    head, found, rest = page.partition(begin)
    if not found:
        return f"{page.rstrip()}\n\n{section}\n".lstrip()
    _, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"the page has the beginning of section {name!r} and not its end")
    return head + section + tail


def write_section(name: str, text: str, path: Path = PAGE) -> None:
    """Replace one section of the page on disk; the page is made where there is none."""
    page = path.read_text(encoding="utf-8") if path.exists() else "# Throughput\n"
    path.write_text(replace_section(page, name, text), encoding="utf-8")


def throughput(facts: Sequence[str], rounds: Rounds, values: Mapping[str, Spread]) -> str:
    """Return the text of the section of a whole run."""
    closed = [lane for lane in rounds.samples if lane not in (*LATENCY_LANES, OVERLOADED)]
    lines = ["## All lanes", "", "Written by `cityswitch bench` (`make bench`).", ""]
    lines += [f"- {fact}" for fact in facts]
    lines += ["", "### Goals", "", *goals_table(GOALS, values)]
    lines += ["", "### Rates", "", f"![rates]({PICTURE.name})", "", *rates_table(rounds, closed)]
    if any(lane in rounds.samples for lane in LATENCY_LANES):
        lines += ["", "### Latency, open loop", "", *_latency_table(rounds)]
    if OVERLOADED in rounds.samples:
        lines += ["", "### Overload", "", *_overload_table(rounds)]
    return "\n".join(lines)


def goals_table(goals: Sequence[Goal], values: Mapping[str, Spread]) -> list[str]:
    """Return the lines of the table of goals."""
    lines = [
        "| ratio in one run | median | min–max | must | aim | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for goal in goals:
        if goal.name not in values:
            continue
        value = values[goal.name]
        sign = "≤" if goal.is_ceiling else "≥"
        bounds = [
            f"{sign} {bound:g} {goal.unit}".rstrip() if bound is not None else "–"
            for bound in (goal.must, goal.aim)
        ]
        shown = [f"{number:.2f} {goal.unit}".rstrip() for number in value]
        lines.append(
            f"| {goal.name} | {shown[0]} | {shown[1]}–{shown[2]} | {bounds[0]} | {bounds[1]} |"
            f" {goal.verdict(value.median)} |"
        )
    return lines


def rates_table(rounds: Rounds, lanes: Sequence[str]) -> list[str]:
    """Return the lines of the table of rates and CPU."""
    lines = [
        "| lane | a second, median | min–max | server CPU | Postgres CPU | driver CPU | postings a batch |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for lane in lanes:
        rate = rounds.rates(lane)
        used = [rounds.cpu_us(lane, process) for process in PROCESSES]
        cells = [f"{cpu.median:.1f} µs" if cpu and cpu.median >= 0.5 else "–" for cpu in used]
        has_batches = all(BATCH_FACT in sample.facts for sample in rounds.samples[lane])
        cells.append(f"{rounds.fact(lane, BATCH_FACT).median:.0f}" if has_batches else "–")
        lines.append(
            f"| {lane} | {rate.median:,.0f} | {rate.least:,.0f}–{rate.most:,.0f} | "
            + " | ".join(cells)
            + " |"
        )
    return lines


def _latency_table(rounds: Rounds) -> list[str]:
    lines = [
        "| lane | offered a second | p50 | p99 | p99.9 | max | requests |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for lane in LATENCY_LANES:
        if lane not in rounds.samples:
            continue
        histogram = rounds.latency(lane)
        times = [histogram.percentile_us(percent) / 1_000 for percent in (50, 99, 99.9, 100)]
        cells = " | ".join(f"{time:.2f} ms" for time in times)
        count = sum(histogram.buckets.values())
        lines.append(f"| {lane} | {rounds.rates(lane).median:,.0f} | {cells} | {count:,} |")
    return lines


def _overload_table(rounds: Rounds) -> list[str]:
    samples = rounds.samples[OVERLOADED]
    lines = ["| | median | min–max |", "| --- | ---: | ---: |"]
    rate = rounds.rates(OVERLOADED)
    lines.append(f"| answered a second | {rate.median:,.0f} | {rate.least:,.0f}–{rate.most:,.0f} |")
    for fact in samples[0].facts:
        value = rounds.fact(OVERLOADED, fact)
        lines.append(f"| {fact} | {value.median:,.4g} | {value.least:,.4g}–{value.most:,.4g} |")
    histogram = rounds.latency(OVERLOADED)
    lines.append(f"| p99 of what was answered, ms | {histogram.percentile_us(99) / 1_000:,.0f} | |")
    return lines


def picture(rounds: Rounds) -> str:
    """Return the picture of the closed-loop lanes."""
    bars = []
    for lane in rounds.samples:
        if lane in (*LATENCY_LANES, OVERLOADED):
            continue
        used = [(process, rounds.cpu_us(lane, process)) for process in PROCESSES[:2]]
        cost = ", ".join(f"{name} {cpu.median:.0f} µs" for name, cpu in used if cpu and cpu.median >= 0.5)
        bars.append(Bar(lane, rounds.rates(lane), cost))
    return draw("Requests a second on one machine, median and range; CPU a request", bars)
