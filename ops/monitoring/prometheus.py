"""A Prometheus of our own for as long as a block lasts: what tests, drills and pictures ask.

    async with prometheus(["127.0.0.1:9101"], directory, rule_files=[path], scrape_s=0.5) as found:
        for sample in await found.query("sum(rate(cityswitch_replies_total[5s]))"): ...

Owns the settings of a Prometheus on loopback, its process and its HTTP API. Must not know metrics, rules or
dashboards. Invariants: it listens on a free port of loopback only; when the block is left, in whatever way,
the process is gone and reaped, and it dies with the thread that started it; what it wrote stays in
`directory`.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
import trio

import ledger.postgres

HOST: Final = "127.0.0.1"
PROGRAM: Final = "prometheus"
JOB: Final = "cityswitch"
STARTS_MAX: Final = 5
"""How often another port is tried: somebody may take the one that was free a moment ago."""
READY_S_MAX: Final = 60.0
STOP_S_MAX: Final = 10.0
ANSWER_S_MAX: Final = 30.0
ASKED_S_MAX: Final = 1.0
POLL_S: Final = 0.05
BINDER: Final = Path(*ledger.postgres.__path__) / "postgres_child.py"
"""Binds a program's life to ours before it begins."""


class PrometheusMissing(Exception):
    """The program is not installed; one line with the cure."""


class PrometheusError(Exception):
    """Prometheus does not start or does not answer, or refuses a query; the text is its own word."""


class Sample(NamedTuple):
    """A series at one moment."""

    labels: Mapping[str, str]
    value: float


class Series(NamedTuple):
    """A series over a stretch of time: moments (Unix time, seconds) and values, in order."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class Prometheus:
    """A running Prometheus. Its `url` has no slash at the end."""

    def __init__(self, port: int, log_path: Path, pid: int) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.log_path = log_path
        self.pid = pid

    async def query(self, expression: str, at_s: float | None = None) -> list[Sample]:
        """Return the series of an expression now, or at a moment; a scalar is one without labels.

        Raises `PrometheusError`.
        """
        data = await self.api("query", query=expression, **({} if at_s is None else {"time": f"{at_s:.3f}"}))
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(found["metric"], float(found["value"][1])) for found in data["result"]]

    async def query_range(
        self, expression: str, start_s: float, end_s: float, step_s: float = 1.0
    ) -> list[Series]:
        """Return the series of an expression from one moment to another. Raises `PrometheusError`."""
        asked = {"start": f"{start_s:.3f}", "end": f"{end_s:.3f}", "step": f"{step_s:.3f}"}
        data = await self.api("query_range", query=expression, **asked)
        return [
            Series(found["metric"], [(moment, float(value)) for moment, value in found["values"]])
            for found in data["result"]
        ]

    async def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that are pending or firing, as the API has them: labels, annotations, state."""
        return list((await self.api("alerts"))["alerts"])

    async def wait_for(
        self, expression: str, holds: Callable[[Sequence[Sample]], bool] = bool, poll_s: float = 0.1
    ) -> list[Sample]:
        """Ask until `holds` says so (there is a series, unless told otherwise), and return what was found.

        There is no end to it but the caller's: `trio.fail_after`.
        """
        while not holds(found := await self.query(expression)):  # noqa: ASYNC110 another process knows
            await trio.sleep(poll_s)
        return found

    async def wait_scraped(self, targets: int) -> None:
        """Wait until so many targets are up."""
        await self.wait_for("sum(up)", lambda found: bool(found) and found[0].value >= targets)

    async def api(self, what: str, **parameters: str) -> Any:
        """Return the data of one page of /api/v1. Raises `PrometheusError`."""
        body = await self._get(f"/api/v1/{what}?{urlencode(parameters)}")
        try:
            answer = msgspec.json.decode(body)
        except msgspec.DecodeError:
            raise PrometheusError(f"{what}: {body[:200].decode(errors='replace')}") from None
        if answer["status"] != "success":
            raise PrometheusError(f"{what}: {answer['error']} ({', '.join(parameters.values())})")
        return answer["data"]

    async def runs_in(self, data: Path) -> bool:
        """Return whether the one that answers here is ready, and is the one with its data in `data`."""
        with trio.move_on_after(ASKED_S_MAX):
            try:
                flags = await self.api("status/flags")
            except PrometheusError:
                return False
            return bool(flags["storage.tsdb.path"] == str(data))
        return False

    async def _get(self, path: str) -> bytes:
        # HTTP/1.0: the reply comes in one piece and ends with the connection.
        request = f"GET {path} HTTP/1.0\r\nHost: {HOST}:{self.port}\r\n\r\n".encode()
        try:
            with trio.fail_after(ANSWER_S_MAX):
                async with await trio.open_tcp_stream(HOST, self.port) as stream:
                    await stream.send_all(request)
                    data = b"".join([bytes(chunk) async for chunk in stream])
        except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
            raise PrometheusError(f"no answer from {self.url}: {error} (see {self.log_path})") from None
        return data.partition(b"\r\n\r\n")[2]


def find_program(name: str = PROGRAM) -> str:
    """Return the path of `prometheus`, or of `promtool`. Raises `PrometheusMissing`."""
    found = shutil.which(name)
    if found is None:
        raise PrometheusMissing(f"{name} is not installed: `apt install prometheus`")
    return found


@asynccontextmanager
async def prometheus(
    targets: Iterable[str],
    directory: Path,
    rule_files: Iterable[Path] = (),
    scrape_s: float = 1.0,
    *,
    job: str = JOB,
    options: Sequence[str] = (),
) -> AsyncIterator[Prometheus]:
    """Run Prometheus with its data in `directory` until the block is left; it answers when the block begins.

    `targets` are workers' HTTP addresses (host:port; http:// before it does no harm). Rules are evaluated as
    often as targets are scraped: every `scrape_s` seconds, parts of a second too. `options` are more of its
    own; with `--enable-feature=native-histograms` it reads those and has no classic buckets any more. Call it
    from a thread that lives as long as the block. Raises `PrometheusMissing` or `PrometheusError`.
    """
    program = find_program()
    settings = _write_settings(directory, _settings(targets, rule_files, scrape_s, job))
    process, found = await _start(program, directory, settings, options)
    try:
        yield found
    finally:
        with trio.CancelScope(shield=True):
            await _stop(process)


def _write_settings(directory: Path, settings: bytes) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "prometheus.yml"
    path.write_bytes(settings)
    return path


def _settings(targets: Iterable[str], rule_files: Iterable[Path], scrape_s: float, job: str) -> bytes:
    """Return the settings as JSON, which is YAML as well."""
    every = f"{max(1, math.ceil(scrape_s * 1_000))}ms"
    return msgspec.json.encode(
        {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(path.absolute()) for path in rule_files],
            "scrape_configs": [
                {
                    "job_name": job,
                    "static_configs": [{"targets": [target.removeprefix("http://") for target in targets]}],
                }
            ],
        }
    )


async def _start(
    program: str, directory: Path, settings: Path, options: Sequence[str]
) -> tuple[subprocess.Popen[bytes], Prometheus]:
    log_path, data = directory / "prometheus.log", directory / "data"
    for _ in range(STARTS_MAX):
        port = free_port()
        command = [
            program,
            f"--config.file={settings}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address={HOST}:{port}",
            "--log.level=warn",
            *options,
        ]
        process = _open(command, log_path)
        found = Prometheus(port, log_path, process.pid)
        try:
            with trio.move_on_after(READY_S_MAX):
                while process.poll() is None:
                    if await found.runs_in(data):
                        return process, found
                    await trio.sleep(POLL_S)
        except BaseException:
            with trio.CancelScope(shield=True):
                await _stop(process)
            raise
        await _stop(process)
        said = log_path.read_text(errors="replace").strip()
        if "address already in use" not in said:
            break
    raise PrometheusError(f"Prometheus does not start: {_cause(said)}")


def _cause(said: str) -> str:
    """Return the line of a log that says why: the first error; the last one only says that there was one."""
    lines = said.splitlines() or ["no output"]
    return next((line for line in lines if "level=error" in line), lines[-1])


def _open(command: Sequence[str], log_path: Path) -> subprocess.Popen[bytes]:
    """Start it in a session of its own (a Ctrl-C is for us), bound to the life of this thread."""
    bound = [sys.executable, "-I", "-S", str(BINDER), str(os.getpid()), "same"]
    with log_path.open("wb") as log:
        return subprocess.Popen(
            [*bound, str(int(signal.SIGKILL)), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


async def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it in order, then harder; always reaps."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        with trio.move_on_after(STOP_S_MAX):
            while process.poll() is None:  # noqa: ASYNC110 not every system can wait on a process
                await trio.sleep(POLL_S)


def free_port() -> int:
    """Return a port of loopback on which nobody listens now."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])
