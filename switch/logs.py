"""Logging: JSON lines on stderr through structlog; no key, no card number, no personal data.

Owns the configuration and the line a transaction gets. Card numbers are masked before they come here (the
last four digits only). Invariants: logging never waits and never raises (log_writer.py); a storm of the same
event costs at most `LINES_PER_SECOND_MAX` lines a second; what was left out is counted in the next line; a
line has at most `LINE_BYTES_MAX` bytes, so that those of several processes on one pipe stay apart.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog

from ledger.books.posting import Outcome, Posting
from protocol import ResultClass, ResultCode
from switch.log_writer import LogWriter

LINE_BYTES_MAX: Final = 4_095
"""With its end, what a pipe takes whole (PIPE_BUF on Linux)."""
FLUSH_S_MAX: Final = 1.0
LINES_PER_SECOND_MAX = 50
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

log = structlog.get_logger()
_ATTENTION = frozenset(
    int(code) for code in ResultCode if code.result_class in {ResultClass.RETRY, ResultClass.FAULT}
)
_NAMES = {int(code): code.name.lower() for code in ResultCode}
_level = logging.INFO


def _notice(count: int) -> bytes:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return msgspec.json.encode(
        {"event": "log_lines_dropped", "count": count, "level": "warning", "timestamp": now}
    )


def _stderr() -> int:
    """Standard error; nowhere if the process was started without, for the number may be a socket's by now."""
    return 2 if sys.__stderr__ is not None else os.open(os.devnull, os.O_WRONLY)


writer: Final = LogWriter(_stderr(), _notice)
"""All lines of this process."""
atexit.register(writer.flush, FLUSH_S_MAX)


class _Lines:
    """The logger at the end of structlog's chain; it has no lock and no buffer of its own."""

    def msg(self, line: bytes) -> None:
        writer.write(line)

    log = debug = info = warning = error = critical = exception = msg


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
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level),
        logger_factory=lambda *_: _Lines(),
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
        """Pass one record on. One that cannot be made into text is counted as dropped."""
        try:
            extra = {name: value for name, value in vars(record).items() if name not in self._OWN}
            fields = {f"{name}_" if name in {"event", "level"} else name: extra[name] for name in extra}
            fields |= {"logger": record.name, "exc_info": record.exc_info}
            log.log(record.levelno, record.getMessage(), **fields)
        except Exception:  # the log's boundary: nobody who logs may fail by it
            writer.lose()


def log_whole_process() -> None:
    """Send to the log, too, what Python itself would print: warnings, and errors nobody is there to catch."""

    logging.captureWarnings(True)  # they come by StandardLogs
    sys.unraisablehook = lambda error: log.error("unraisable", exc_info=error.exc_value)
    threading.excepthook = lambda error: log.error("thread_failed", exc_info=error.exc_value)


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    """Make the line, shortening its texts until it is short enough; one that cannot be made is told so."""
    try:
        line = _encode(event)
        chars_max = LINE_BYTES_MAX // 2
        while len(line) >= LINE_BYTES_MAX and chars_max:
            line = _encode({name: _shorten(value, chars_max) for name, value in event.items()})
            chars_max //= 2
    except Exception as error:  # the log's boundary: nobody who logs may fail by it
        return _encode(
            {"event": "log_line_unprintable", "of": ascii(event["event"]), "problem": ascii(error)}
        )
    return line


def _encode(event: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(event, enc_hook=str)


def _shorten(value: Any, chars_max: int) -> Any:
    """Keep beginning and end of a text: of a traceback both matter."""
    if isinstance(value, int | float | None):
        return value
    text = value if isinstance(value, str) else str(value)
    half = chars_max // 2
    return text if len(text) <= chars_max else f"{text[:half]} … {text[-half:]}"


def log_transaction(posting: Posting, outcome: Outcome, message: str) -> None:
    """Log one answered request: approvals at debug, declines at info, retry and fault codes as warnings."""
    code = outcome.code
    if not code:
        if _level == logging.DEBUG:
            log.debug("transaction", **_fields(posting, outcome, message))
    elif code in _ATTENTION:
        log.warning("transaction", **_fields(posting, outcome, message))
    elif _level <= logging.INFO:
        log.info("transaction", **_fields(posting, outcome, message))


def _fields(posting: Posting, outcome: Outcome, message: str) -> dict[str, Any]:
    return {
        "transaction": outcome.transaction_id,
        "terminal": posting.terminal,
        "stan": posting.stan,
        "message": message,
        "card": f"****{posting.last4:04}" if posting.last4 >= 0 else "****????",
        "code": outcome.code,
        "result": _NAMES.get(outcome.code, "unknown"),
        "points": outcome.points,
        "amount_grosze": outcome.amount_grosze,
        "replayed": outcome.replayed,
    }
