"""The workers of a running switch, seen from outside: what each one's pages say.

Owns the asking and the reading of /readyz and /metrics. Must not print, nor signal anybody. Invariant: a
worker that does not answer within `ANSWER_S_MAX` is told as one that does not.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
import trio

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
    """One worker; None: it does not answer. `why_not`: why it is not ready, empty where it is."""

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


async def look(addresses: list[str]) -> list[WorkerView]:
    """Ask every worker at once, by the addresses of their pages in the order of their numbers."""
    found: dict[int, WorkerView] = {}

    async def one(worker: int, http: str) -> None:
        found[worker] = await look_at(worker, http)

    async with trio.open_nursery() as nursery:
        for worker, http in enumerate(addresses):
            nursery.start_soon(one, worker, http)
    return [found[worker] for worker in range(len(addresses))]


async def look_at(worker: int, http: str) -> WorkerView:
    """Ask one worker."""
    try:
        with trio.fail_after(ANSWER_S_MAX):
            answer = msgspec.json.decode(await get_page(http, "/readyz"), type=Answer)
            figures = (await get_page(http, "/metrics")).decode()
    except (OSError, trio.TooSlowError, msgspec.DecodeError, UnicodeDecodeError) as error:
        why = "too slow" if isinstance(error, trio.TooSlowError) else str(error) or type(error).__name__
        return WorkerView(worker, http, None, is_ready=False, why_not=f"it does not answer: {why}")
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
