"""20 kills of a worker and 5 of Postgres, 100 requests under way: what was told stands for ever.

The short form of `make torture`: kills alone (`ops.torture.plan`). Whoever kills counts what is under way and
waits for as many; by the terminals' own logs some of it is answered by then: at one kill in twenty.
"""

import tempfile
import time
from pathlib import Path
from typing import Final

import trio

from ops.torture.plan import kills_alone
from ops.torture.report import is_thin, report
from ops.torture.run import Torture

IN_FLIGHT_MIN: Final = 100
ANSWERED_BY_THEN_MAX: Final = 50
PLAN: Final = kills_alone(seed=5, seconds=900.0, worker_kills=20, postgres_kills=5)


def test_nothing_told_is_lost_or_told_otherwise() -> None:
    """Real processes killed under load: what three cities' terminals were told is in the books, no more."""
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {text}")

    # Not pytest's folder: the path of a Unix socket has 107 characters.
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        verdict = trio.run(Torture(PLAN, Path(folder), tell).run)
    print("\n".join(report(PLAN, verdict)))
    assert verdict.violations == []
    assert (verdict.killed("worker"), verdict.killed("postgres")) == (20, 5)
    by_logs = verdict.in_flight_by_logs
    assert min(by_logs) >= IN_FLIGHT_MIN - ANSWERED_BY_THEN_MAX
    assert not is_thin(sum(one < IN_FLIGHT_MIN for one in by_logs), len(by_logs))
    assert verdict.thin == 0
    assert all(one.totals_agreed and one.asked_again for one in verdict.traded)
