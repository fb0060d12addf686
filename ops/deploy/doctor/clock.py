"""The clock of this machine: against the database's, against itself, and whether anything keeps it right.

Owns the measuring and the limits. Must not set anything.
"""

from __future__ import annotations

import ctypes
import time
from typing import Final

from ops.deploy.doctor.finding import Finding, graded

SKEW_S_WARN: Final = 0.5
SKEW_S_DANGER: Final = 5.0
STEP_S_WARN: Final = 0.05
STEP_S_DANGER: Final = 1.0
CLOCK_ERROR: Final = 5
"""What adjtimex(2) returns of a clock that nothing synchronises (TIME_ERROR)."""
TIMEX_BYTES: Final = 512
"""More than struct timex takes anywhere; all zero it asks for nothing to be changed."""
CURE: Final = "Run a time service on every machine: `timedatectl set-ntp true`, or chrony."


def judge_skew(skew_s: float, within_s: float) -> Finding:
    """Judge by how much the database's clock is ahead of ours; `within_s` is how exactly that is known."""
    certain_s = max(abs(skew_s) - within_s, 0.0)
    side = "ahead of" if skew_s > 0 else "behind"
    seen = f"the database's clock is {abs(skew_s) * 1_000:,.1f} ms {side} ours (± {within_s * 1_000:.1f} ms)"
    level = graded(certain_s, SKEW_S_WARN, SKEW_S_DANGER)
    if level == "ok":
        return Finding("clock skew", level, seen)
    endangers = "rules, offers and keys begin and end at another moment than the books say"
    return Finding("clock skew", level, seen, endangers, CURE)


def judge_step(step_s: float, over_s: float) -> Finding:
    """Judge by how much the wall clock parted from the steady one while the doctor looked."""
    seen = f"the wall clock moved by {step_s * 1_000:+.1f} ms against the steady one within {over_s:.1f} s"
    level = graded(abs(step_s), STEP_S_WARN, STEP_S_DANGER)
    if level == "ok":
        return Finding("clock step", level, seen)
    endangers = "receipts bear wrong times, and what was sold offline is judged by them"
    cure = "Let the time service slew instead of step (chrony: `makestep 1 3`), and look for two of them."
    return Finding("clock step", level, seen, endangers, cure)


def judge_synchronised(is_synchronised: bool | None) -> Finding:
    """Judge whether the kernel's clock is kept right by something; None: it cannot be asked."""
    if is_synchronised is None:
        return Finding(
            "clock source", "ok", "the kernel cannot be asked here whether its clock is kept right"
        )
    if is_synchronised:
        return Finding("clock source", "ok", "the kernel says its clock is synchronised")
    seen = "the kernel says its clock is not synchronised"
    return Finding("clock source", "warning", seen, "the clock drifts by seconds a day, unseen", CURE)


def kernel_is_synchronised() -> bool | None:
    """Ask the kernel (adjtimex); None where there is no such call, or it is forbidden."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != CLOCK_ERROR


class StepWatch:
    """Notes both clocks when it is made; `step` says later how far they have parted."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def step(self) -> tuple[float, float]:
        """Return by how many seconds the wall clock has gained since, and in how many."""
        steady = time.monotonic() - self._steady
        return time.time() - self._wall - steady, steady
