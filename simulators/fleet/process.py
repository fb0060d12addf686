"""Runs a fleet as a process of its own, or spread over several: `python -m simulators.fleet.process
--help`.

Owns the command line, the signals and the splitting of the terminals. A fleet never runs in the switch's
process: it would take the processor time that is to be measured.

Must not know: how a fleet trades.

Invariant: SIGINT and SIGTERM end the trading early, and what is open is settled before the process ends.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import trio

from simulators.audit.log import AuditLogError
from simulators.errors import StoreError
from simulators.fleet.fleet import OnProgress, population_of, run_fleet
from simulators.fleet.report import FleetPlan, FleetReport, Progress, merge_reports

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class FleetFailed(Exception):
    """A fleet's process ended without a report; the message is its last line of complaint."""


def split_plan(plan: FleetPlan, processes: int) -> list[FleetPlan]:
    """Return the plans of `processes` parts: neighbouring terminals, the rate in proportion."""
    parts = []
    first = plan.terminal_first
    for number in range(min(processes, plan.terminals)):
        until = plan.terminal_first + plan.terminals * (number + 1) // min(processes, plan.terminals)
        share = (until - first) / plan.terminals
        parts.append(
            msgspec.structs.replace(
                plan, terminal_first=first, terminals=until - first, rate_per_s=plan.rate_per_s * share
            )
        )
        first = until
    return parts


async def run_fleet_processes(
    plan: FleetPlan,
    processes: int = 1,
    *,
    on_progress: OnProgress = lambda progress: None,
    stop: trio.Event | None = None,
) -> FleetReport:
    """Run `plan` in processes of their own and return the merged report.

    Progress is the sum over the processes, about once a second. Raises ValueError for a bad plan before
    anything starts, FleetFailed when a process ends without a report.
    """
    population_of(plan)
    parts = split_plan(plan, processes)
    failed: str | None = None
    latest: dict[int, Progress] = {}
    reports: dict[int, FleetReport] = {}

    def told(number: int, progress: Progress) -> None:
        latest[number] = progress
        if number == min(latest):
            on_progress(sum_progress(list(latest.values())))

    with tempfile.TemporaryDirectory(prefix="cityswitch-fleet-") as directory:

        async def run_part(number: int, part: FleetPlan) -> None:
            reports[number] = await _run_part(
                part, Path(directory) / str(number), lambda p: told(number, p), stop
            )

        try:
            async with trio.open_nursery() as nursery:
                for number, part in enumerate(parts):
                    nursery.start_soon(run_part, number, part)
        except* FleetFailed as failures:
            failed = str(_first(failures))
    if failed is not None:
        # Not raised in the except* above: Python 3.11.2 (Debian 12) would wrap it into a group.
        raise FleetFailed(failed)
    return merge_reports(plan, [reports[number] for number in sorted(reports)])


def sum_progress(parts: Sequence[Progress]) -> Progress:
    """Return the progress of fleets or parts that work side by side."""
    trading = [part for part in parts if part.phase == "trading"]
    return Progress(
        (trading or list(parts))[0].phase,
        max(part.elapsed_s for part in parts),
        sum(part.transactions for part in parts),
        sum(part.transactions_last_second for part in parts),
        sum(part.connected for part in parts),
        sum(part.errors for part in parts),
        sum(part.approved for part in parts),
        sum(part.declined for part in parts),
        sum(part.repeats for part in parts),
        max(part.p99_us for part in parts),
    )


def _first(failure: BaseException) -> BaseException:
    """Return the first single exception of a group."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


async def _run_part(
    part: FleetPlan, base: Path, on_progress: Callable[[Progress], None], stop: trio.Event | None
) -> FleetReport:
    plan_file, report_file = base.with_suffix(".plan"), base.with_suffix(".report")
    plan_file.write_bytes(msgspec.json.encode(part))
    command = [sys.executable, "-m", "simulators.fleet.process"]
    command += ["--plan", str(plan_file), "--report", str(report_file), "--progress", "--stop-at-eof"]
    complaint = ""
    # In a session of its own: a Ctrl-C at the terminal reaches the parent alone. Its standard input stays
    # open as long as it shall trade, so it also stops when the parent dies.
    run = partial(
        trio.run_process,
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        start_new_session=True,
    )
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(run)

        async def pass_on_stop() -> None:
            if stop is not None:
                await stop.wait()
                assert process.stdin is not None
                await process.stdin.aclose()

        async def read_complaints() -> None:
            nonlocal complaint
            assert process.stderr is not None
            text = b"".join([data async for data in process.stderr]).decode(errors="replace").strip()
            # The frame that the traceback of an exception group draws says nothing.
            lines = [line.strip(" |+-") for line in text.splitlines()]
            complaint = next(filter(None, reversed(lines)), "")

        nursery.start_soon(pass_on_stop)
        assert process.stdout is not None
        async with trio.open_nursery() as reading:  # both to the end, whichever comes first
            reading.start_soon(read_complaints)
            await _read_progress(process.stdout, on_progress)
        await process.wait()
        nursery.cancel_scope.cancel()
    if not report_file.exists():
        raise FleetFailed(complaint or f"a fleet's process ended with status {process.returncode}")
    return msgspec.json.decode(report_file.read_bytes(), type=FleetReport)


async def _read_progress(stream: trio.abc.ReceiveStream, on_progress: Callable[[Progress], None]) -> None:
    buffer = b""
    async for data in stream:
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            on_progress(msgspec.json.decode(line, type=Progress))


async def _run_here(plan: FleetPlan, on_progress: OnProgress, *, stop_at_eof: bool) -> FleetReport:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_watch_signals, stop)
        if stop_at_eof:
            nursery.start_soon(_watch_input, stop)
        report = await run_fleet(plan, on_progress=on_progress, stop=stop)
        nursery.cancel_scope.cancel()
    return report


async def _watch_signals(
    stop: trio.Event, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(*STOP_SIGNALS) as signals:
        task_status.started()
        async for _ in signals:
            stop.set()


async def _watch_input(stop: trio.Event) -> None:
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        async for _ in stream:
            pass
    stop.set()


def _print_progress(progress: Progress) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(progress) + b"\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulators.fleet.process", description=__doc__)
    parser.add_argument(
        "--plan", type=Path, help="a FleetPlan as JSON; the other options are then not needed"
    )
    parser.add_argument(
        "--report", type=Path, help="where to write the FleetReport (JSON); default: standard output"
    )
    parser.add_argument("--progress", action="store_true", help="print one JSON line a second")
    parser.add_argument("--stop-at-eof", action="store_true", help="trade until standard input is closed")
    parser.add_argument("--address", default="127.0.0.1:7070", help="host:port, or tls://host:port")
    parser.add_argument("--state-dir", default="var/fleet")
    parser.add_argument("--seed", default="cityswitch")
    parser.add_argument("--cards", type=int, default=50_000)
    parser.add_argument("--partners", type=int, default=300)
    parser.add_argument("--terminal-first", type=int, default=0)
    parser.add_argument("--terminals", type=int, default=300)
    parser.add_argument(
        "--rate", type=float, default=0.0, help="transactions a second; 0: as fast as they go"
    )
    parser.add_argument("--duration", type=float, default=30.0, help="seconds of trading")
    parser.add_argument(
        "--cut-offs", type=float, default=0.01, help="share of requests cut off in the middle"
    )
    parser.add_argument("--processes", type=int, default=1)
    return parser


def _plan(options: argparse.Namespace) -> FleetPlan:
    if options.plan is not None:
        return msgspec.json.decode(options.plan.read_bytes(), type=FleetPlan)
    return FleetPlan(
        seed=options.seed,
        address=options.address,
        state_dir=options.state_dir,
        cards=options.cards,
        partners=options.partners,
        terminal_first=options.terminal_first,
        terminals=options.terminals,
        rate_per_s=options.rate,
        duration_s=options.duration,
        cut_off_share=options.cut_offs,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all is settled and as expected, 1 when not, 2 when it could not run."""
    options = _parser().parse_args(arguments)
    report: FleetReport | None = None
    try:
        report = _report(options)
    except* (ValueError, OSError, StoreError, AuditLogError, FleetFailed) as failures:
        print(f"fleet: {_first(failures)}", file=sys.stderr)
    if report is None:
        return 2
    encoded = msgspec.json.format(msgspec.json.encode(report), indent=2)
    if options.report is not None:
        options.report.write_bytes(encoded)
    else:
        sys.stdout.buffer.write(encoded + b"\n")
    return 0 if report.is_settled else 1


def _report(options: argparse.Namespace) -> FleetReport:
    plan = _plan(options)
    on_progress: OnProgress = _print_progress if options.progress else lambda progress: None
    if options.processes > 1:
        return trio.run(partial(run_fleet_processes, plan, options.processes, on_progress=on_progress))
    return trio.run(partial(_run_here, plan, on_progress, stop_at_eof=options.stop_at_eof))


if __name__ == "__main__":
    sys.exit(main())
