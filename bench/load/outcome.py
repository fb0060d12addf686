"""What an answer means for the statistics, and what a whole run means for the exit status.

Owns the line between business and failure: a decline is an answer a shop gets every day and stands under a
name of its own; "try again", a fault of the switch and a lost line are failures. Knows nothing of Locust, so
it is a table of cases in a test. Invariant: a run without a single business request has failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from bench.city import identity
from bench.load.terminal import BlockingTerminal, LineError, LineFault
from protocol import ResultClass, ResultCode, result_class
from simulators.city.population import Population

CONNECT: Final = "connect"
SIGN_ON: Final = "sign-on"
LINE_NAMES: Final = frozenset({CONNECT, SIGN_ON})
"""What a user does before its first request: counted and timed, but no business."""

_NAMES: Final = {int(code): code.name.lower() for code in ResultCode}


class RequestFailed(Exception):
    """The switch answered, but with "try again" or a fault; the text is the code's name."""


def code_name(code: int) -> str:
    """Return the name of a result code as it stands in the statistics."""
    return _NAMES.get(code, f"code_{code}")


def verdict(name: str, code: int) -> tuple[str, RequestFailed | None]:
    """Return the name to count an answer under, and why it is a failure (None: it is not)."""
    kind = result_class(code)
    if kind in (ResultClass.RETRY, ResultClass.FAULT):
        return name, RequestFailed(code_name(code))
    if kind is ResultClass.APPROVE:
        return name, None
    return f"{name}, declined: {code_name(code)}", None


class Counted(NamedTuple):
    """One line of the final statistics: name, requests and, of these, failures."""

    name: str
    requests: int
    failures: int


def run_problem(lines: Iterable[Counted], failures_share_max: float) -> str | None:
    """Return why a finished run has failed, in one line; None if it has not."""
    counted = list(lines)
    made = sum(line.requests for line in counted if line.name not in LINE_NAMES)
    failures = sum(line.failures for line in counted)
    if made == 0:
        return "the run made no request at all"
    share = failures / sum(line.requests for line in counted)
    if share > failures_share_max:
        return f"{failures} failures, {share:.2%} of all: more than the {failures_share_max:.2%} allowed"
    return None


def switch_problem(host: str, port: int, population: Population) -> str | None:
    """Return in one line why no load can be put on this switch and what to do; None when it answers.

    Signs on as the first terminal of the city: a run whose users all fail to connect would look like one
    without failures.
    """
    try:
        with BlockingTerminal.connect(host, port, identity(population, 0)) as line:
            line.sign_on()
    except LineError as error:
        if error.fault in (LineFault.HANDSHAKE, LineFault.SIGN_ON, LineFault.PROTOCOL):
            cure = (
                f"it does not know terminal {population.terminal_id(0)} by its key"
                f" of the seed {population.seed!r}: name the seed of its city with --seed"
            )
            return f"a switch answers on {host}:{port}, but {error}; {cure}"
        return (
            f"no switch on {host}:{port} ({error.fault.value}): start one with `cityswitch serve`,"
            " name another with LOAD_HOST= and LOAD_PORT=, or run `make load`, which brings its own"
        )
    return None
