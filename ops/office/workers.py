"""The workers of a running switch, seen from outside: what each one's pages say.

Owns the asking and the reading of /readyz and /metrics. Must not print, nor signal anybody. Invariant: a
worker that does not answer within `ANSWER_S_MAX` is told as one that does not, with its process: whoever
looks then wants to do something about just that one.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
import trio

from ops.place.processes import is_child, state_of
from ops.place.running import RunningNote

ANSWER_S_MAX: Final = 3.0
PAGE_BYTES_MAX: Final = 4_000_000
_SAMPLE: Final = re.compile(r"^cityswitch_([a-z_]+)(?:\{([^}]*)\})? ([^ ]+)$", re.MULTILINE)
_VERSION: Final = re.compile(r'version="([^"]*)"')


class Answer(msgspec.Struct):
    """What /readyz says."""

    ready: bool
    checks: dict[str, str]
    pid: int = 0


class WorkerView(NamedTuple):
    """One worker; None: not known. `why_not`: why it is not ready, empty where it is."""

    worker: int
    http: str
    pid: int | None
    is_ready: bool
    why_not: str
    version: str | None = None
    started_at_s: float | None = None
    connections: int | None = None
    in_flight: int | None = None
    restarts: int | None = None
    answers: bool = True


async def look(note: RunningNote) -> list[WorkerView]:
    """Ask every worker of a switch at once; return them in the order of their numbers."""
    found: dict[int, WorkerView] = {}

    async def one(worker: int) -> None:
        found[worker] = await look_at(note, worker)

    async with trio.open_nursery() as nursery:
        for worker in range(len(note.http)):
            nursery.start_soon(one, worker)
    return [found[worker] for worker in range(len(note.http))]


async def look_at(note: RunningNote, worker: int) -> WorkerView:
    """Ask one worker."""
    http = note.http[worker]
    try:
        with trio.fail_after(ANSWER_S_MAX):
            answer = msgspec.json.decode(await get_page(http, "/readyz"), type=Answer)
            figures = (await get_page(http, "/metrics")).decode()
    except (OSError, trio.TooSlowError, msgspec.DecodeError, UnicodeDecodeError) as error:
        why = "too slow" if isinstance(error, trio.TooSlowError) else str(error) or type(error).__name__
        pid = noted_pid(note, worker)
        state = None if pid is None else state_of(pid)
        if state is not None and state.is_stopped:
            why = f"its process is stopped (let it go on: kill -CONT {pid})"
        return WorkerView(
            worker, http, pid, is_ready=False, why_not=f"it does not answer: {why}", answers=False
        )
    samples = {name: (labels or "", value) for name, labels, value in _SAMPLE.findall(figures)}

    def figure(name: str) -> float | None:
        return float(samples[name][1]) if name in samples else None

    def count(name: str) -> int | None:
        value = figure(name)
        return None if value is None else int(value)

    version = _VERSION.search(samples.get("build_info", ("", ""))[0])
    problems = [f"{name}: {said}" for name, said in answer.checks.items() if said != "ok"]
    return WorkerView(
        worker,
        http,
        answer.pid or None,
        answer.ready,
        "; ".join(problems),
        version[1] if version else None,
        figure("start_time_seconds"),
        count("connections"),
        count("in_flight"),
        count("worker_restarts_total"),
    )


def noted_pid(note: RunningNote, worker: int) -> int | None:
    """Return a worker's process as the switch noted it, if that lives and is the switch's."""
    pid = note.pids[worker] if worker < len(note.pids) else None
    return pid if is_child(pid, note.pid) else None


async def get_page(http: str, path: str) -> bytes:
    """Return the body of a page. Raises OSError."""
    parts = urlsplit(http)
    try:
        stream = await trio.open_tcp_stream(parts.hostname or "127.0.0.1", parts.port or 80)
        async with stream:
            request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
            await stream.send_all(request.encode())
            data = b""
            async for chunk in stream:
                data += chunk
                if len(data) > PAGE_BYTES_MAX:
                    raise OSError("its page is too long")
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise OSError("it hung up") from error
    return data.partition(b"\r\n\r\n")[2]
