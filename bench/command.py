"""How a measurement runs as a command: one line for an expected failure, a status, an orderly Ctrl-C.

Owns the exit statuses of the commands of this package, the signals, and how an option takes a DSN. Must not
know what is measured.
Invariants: a first Ctrl-C (or SIGTERM) asks the job to stop, a second one cancels it; a traceback is shown
only for a defect.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import IntEnum
from typing import Final, NoReturn

import trio

from bench.errors import CannotRun
from bench.local_switch import LocalSwitchError
from ledger.postgres.dsn import KEPT_APART, has_password
from simulators.fleet.process import FleetFailed

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Exit(IntEnum):
    """What a run ended as."""

    OK = 0
    MISSED = 1
    """It ran, and missed its target or its bounds."""
    USAGE = 2
    CANNOT_RUN = 3
    """There was no switch to measure, or no port; the line says why."""
    INTERRUPTED = 130


def dsn_option(text: str) -> str:
    """Take the DSN of an option. Raises ArgumentTypeError for one with a password, without repeating it."""
    if has_password(text):
        raise argparse.ArgumentTypeError(f"it holds a password that everybody can read here: {KEPT_APART}")
    return text


class Parser(argparse.ArgumentParser):
    """Of a command with such an option: no complaint repeats a password, wherever it stands."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with status 2."""
        super().error(" ".join("***" if has_password(word) else word for word in message.split(" ")))


Job = Callable[[trio.Event], Awaitable[int]]
"""Gets the event that is set at the first signal; returns the exit status."""


def run(job: Job) -> int:
    """Run a job to its end and return the exit status."""
    try:
        return trio.run(_with_signals, job)
    except BaseExceptionGroup as group:
        expected, other = group.split((CannotRun, LocalSwitchError, FleetFailed, KeyboardInterrupt))
        if other is not None:
            raise
        assert expected is not None
        return _report(_first(expected))
    except (CannotRun, LocalSwitchError, FleetFailed, KeyboardInterrupt) as error:
        return _report(error)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _report(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    print(f"bench: {error}", file=sys.stderr)
    return Exit.CANNOT_RUN


async def _with_signals(job: Job) -> int:
    stop = trio.Event()
    status: int = Exit.INTERRUPTED
    with trio.open_signal_receiver(*SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch, signals, stop, nursery.cancel_scope)
            status = await job(stop)
            nursery.cancel_scope.cancel()
    return status


async def _watch(signals: AsyncIterator[int], stop: trio.Event, scope: trio.CancelScope) -> None:
    async for _ in signals:
        if stop.is_set():
            scope.cancel()
        stop.set()
