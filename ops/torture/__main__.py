"""`make torture`: kill, stop, fill, cut and jump a running switch by a seed, and compare what it told.

    python -m ops.torture --seconds 600 --seed 1

Owns the command line. Status 0 only if nothing contradicts what terminals were told, and enough was in
flight at the kills; else seed, fault and evidence are printed, and the folder stays.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import trio

from ops.exit_codes import Exit
from ops.torture.faults import BY_NAME, FAULTS
from ops.torture.plan import Plan, kills_alone
from ops.torture.report import is_thin, report
from ops.torture.run import Torture, Verdict


def main() -> int:
    """Read the command line, torture, print the verdict."""
    options = _parser().parse_args()
    plan = _plan(options)
    folder = Path(tempfile.mkdtemp(prefix=f"cityswitch-torture-{plan.seed}-", dir=options.folder))
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {text}", file=sys.stderr, flush=True)

    tell(f"seed {plan.seed}, folder {folder}")
    verdict = trio.run(_stoppable, Torture(plan, folder, tell))
    print("\n".join(report(plan, verdict)))
    has_failed = bool(verdict.violations) or is_thin(verdict.thin, len(verdict.kills))
    if has_failed:
        print(f"Evidence: {folder} (the terminals' logs and memories, switch.log)")
        print("Again: python -m ops.torture", shlex.join(sys.argv[1:]))
    elif not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return Exit.DIFFERENCES if has_failed else Exit.OK


async def _stoppable(torture: Torture) -> Verdict:
    """The first signal ends the faults, and all is compared; the second ends everything."""

    async def watch(signals: AsyncIterator[int]) -> None:
        async for _ in signals:
            if torture.stop.is_set():
                nursery.cancel_scope.cancel()
            torture.stop.set()

    verdict: Verdict | None = None
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, signals)
            verdict = await torture.run()
            nursery.cancel_scope.cancel()
    if verdict is None:
        raise SystemExit(Exit.INTERRUPTED)
    return verdict


def _plan(options: argparse.Namespace) -> Plan:
    if options.kills_alone:
        return kills_alone(
            seed=options.seed,
            seconds=options.seconds,
            worker_kills=options.worker_kills,
            postgres_kills=options.postgres_kills,
        )
    return Plan(
        seed=options.seed,
        seconds=options.seconds,
        terminals=options.terminals,
        workers=options.workers,
        pause_s=options.pause,
        far_ms=options.far_ms,
        tls=options.tls,
        worker_kills=options.worker_kills,
        postgres_kills=options.postgres_kills,
        faults={name: BY_NAME[name].weight for name in options.only or ()},
        disk_gib=options.disk_gib,
        switch_root=options.switch_root,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.torture", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=600.0, help="how long faults are played, at most")
    add("--seed", type=int, default=1)
    add("--terminals", type=int, default=480)
    add("--far-ms", type=int, default=30, help="what each answer of Postgres takes longer")
    add("--workers", type=int, default=4)
    add("--pause", type=float, default=2.0, help="seconds between faults, half to one and a half times")
    add("--worker-kills", type=int, default=0, help="end after so many kills of workers and of Postgres")
    add("--postgres-kills", type=int, default=0)
    add("--kills-alone", action="store_true", help="small cities, and these kills as fast as they go")
    add("--only", action="append", choices=[fault.name for fault in FAULTS], help="may stand several times")
    add("--tls", action=argparse.BooleanOptionalAction, default=True)
    add("--disk-gib", type=float, default=8.0, help="size of the disk Postgres gets; 0: none of its own")
    add("--folder", type=Path, default=None, help="where the run's folder is made")
    add("--keep", action="store_true", help="leave the folder there")
    add("--switch-root", default="", help="another checkout, whose switch is tortured")
    return parser


if __name__ == "__main__":
    sys.exit(main())
