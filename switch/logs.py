"""Logging: JSON lines on stderr through structlog; no key, no card number, no personal data.

Owns the configuration and the line a transaction gets. Card numbers are masked before they come here (the
last four digits only). Invariant: a storm of the same event costs at most `LINES_PER_SECOND_MAX` lines a
second; what was left out is counted in the next line.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec
import structlog

from ledger.books.posting import Outcome, Posting
from protocol import ResultClass, ResultCode

LINES_PER_SECOND_MAX = 50
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

log = structlog.get_logger()
_ATTENTION = frozenset(
    int(code) for code in ResultCode if code.result_class in {ResultClass.RETRY, ResultClass.FAULT}
)
_NAMES = {int(code): code.name.lower() for code in ResultCode}
_level = logging.INFO


class Throttle:
    """A structlog processor that lets through at most so many lines of one event a second."""

    def __init__(self, lines_per_second_max: int = LINES_PER_SECOND_MAX) -> None:
        self._max = lines_per_second_max
        self._second = 0
        self._lines: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """Drop the line or pass it on, with the number of lines left out before it."""
        second, name = int(time.monotonic()), str(event["event"])
        if second != self._second:
            self._second = second
            self._lines.clear()
        lines = self._lines[name] = self._lines.get(name, 0) + 1
        if lines > self._max:
            self._left_out[name] = self._left_out.get(name, 0) + 1
            raise structlog.DropEvent
        if left_out := self._left_out.pop(name, 0):
            event["left_out"] = left_out
        return event


def configure_logs(level: str, *, worker: int | None = None) -> None:
    """Send JSON lines to stderr from `level` ("debug" … "error") up. `worker` is bound to every line."""
    global _level  # noqa: PLW0603 - one process, one level
    _level = LEVELS[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            Throttle(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [StandardLogs()]
    root.setLevel(max(_level, logging.INFO))
    if worker is not None:
        structlog.contextvars.bind_contextvars(worker=worker)


class StandardLogs(logging.Handler):
    """Sends what libraries and the ledger log the standard way through structlog, `extra` included."""

    _OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        fields = {name: value for name, value in vars(record).items() if name not in self._OWN}
        log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info, **fields)


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()


def log_transaction(posting: Posting, outcome: Outcome, message: str, last4: str) -> None:
    """Log one answered request: approvals at debug, declines at info, retry and fault codes as warnings."""
    code = outcome.code
    if not code:
        if _level == logging.DEBUG:
            log.debug("transaction", **_fields(posting, outcome, message, last4))
    elif code in _ATTENTION:
        log.warning("transaction", **_fields(posting, outcome, message, last4))
    elif _level <= logging.INFO:
        log.info("transaction", **_fields(posting, outcome, message, last4))


def _fields(posting: Posting, outcome: Outcome, message: str, last4: str) -> dict[str, Any]:
    return {
        "transaction": outcome.transaction_id or posting.transaction_id,
        "terminal": posting.terminal,
        "stan": posting.stan,
        "message": message,
        "card": f"****{last4}",
        "code": outcome.code,
        "result": _NAMES.get(outcome.code, "unknown"),
        "points": outcome.points,
        "amount_grosze": outcome.amount_grosze,
        "replayed": outcome.replayed,
    }
