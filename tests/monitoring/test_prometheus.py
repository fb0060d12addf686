"""The Prometheus of tests and drills: it answers, says why it does not, and never outlives its block."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from ops.monitoring import prometheus as module
from ops.monitoring.prometheus import Prometheus, PrometheusError, PrometheusMissing, find_program, prometheus
from tests.monitoring.debian_prometheus import need_prometheus
from tests.patience import HANG_S

PAGE = b"# TYPE answered counter\nanswered_total %d\n"


@pytest.fixture(autouse=True)
def debian() -> None:
    need_prometheus()


@asynccontextmanager
async def counting_target() -> AsyncIterator[str]:
    """Serve a page on which a counter grows with each scrape; yields its address."""
    scrapes = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal scrapes
        scrapes += 1
        await stream.receive_some(8_192)
        head = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n"
        await stream.send_all(head + PAGE % scrapes)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def is_gone(found: Prometheus) -> bool:
    """Return whether the process is gone and reaped, and nobody listens where it did."""
    with socket.socket() as sock:
        refused = sock.connect_ex(("127.0.0.1", found.port)) != 0
    return refused and not is_running(found.pid)


def is_running(pid: int) -> bool:
    """Return whether there is such a process, if only one that nobody has reaped."""
    return Path(f"/proc/{pid}").exists()


async def test_it_scrapes_and_answers(tmp_path: Path) -> None:
    """Targets are scraped several times a second, rules evaluated; now, over a range and as a scalar."""
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{record: twice, expr: answered_total * 2}]}]")
    with trio.fail_after(HANG_S):
        async with (
            counting_target() as target,
            prometheus([target], tmp_path / "data", [rules], 0.1) as found,
        ):
            await found.wait_scraped(1)
            await found.wait_for("twice", lambda samples: bool(samples) and samples[0].value >= 10)
            ((labels, _),) = await found.query("answered_total")
            assert labels == {
                "__name__": "answered_total", "instance": target.removeprefix("http://"), "job": "cityswitch",
            }  # fmt: skip
            ((_, now_s),) = await found.query("time()")
            (series,) = await found.query_range("answered_total", now_s - 30, now_s, 0.1)
            values = [value for _, value in series.points]
            assert values == sorted(values)
            assert values[-1] > values[0]
            assert await found.alerts() == []
    assert is_gone(found)


async def test_a_refused_query_says_why(tmp_path: Path) -> None:
    """The text of the error is Prometheus' own, with the query."""
    async with prometheus([], tmp_path) as found:
        with pytest.raises(PrometheusError, match=r"parse error.*\(rate\(x\)\)|expected type range vector"):
            await found.query("rate(x)")


async def test_it_is_gone_when_the_block_is_cancelled(tmp_path: Path) -> None:
    """Cancellation within the block, and while it starts, leaves no process."""
    with trio.CancelScope() as scope:
        async with prometheus([], tmp_path / "within") as found:
            scope.cancel()
            await trio.sleep_forever()
    assert is_gone(found)
    pids: list[int] = []
    real = module.Prometheus

    class Noted(real):  # type: ignore[misc, valid-type]
        def __init__(self, port: int, log_path: Path, pid: int) -> None:
            super().__init__(port, log_path, pid)
            pids.append(pid)
            starting.cancel()

    with pytest.MonkeyPatch.context() as patch, trio.CancelScope() as starting:
        patch.setattr(module, "Prometheus", Noted)
        async with prometheus([], tmp_path / "starting"):
            pytest.fail("it began although it was cancelled")
    assert [is_running(pid) for pid in pids] == [False]


async def test_a_port_that_was_taken_meanwhile_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When somebody else took the free port, another one is tried."""
    free = module.free_port

    def ports() -> Iterator[int]:
        yield taken.getsockname()[1]
        yield free()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = ports()
        monkeypatch.setattr(module, "free_port", lambda: next(given))
        async with prometheus([], tmp_path) as found:
            assert found.port != taken.getsockname()[1]


async def test_a_rule_it_cannot_read_is_said(tmp_path: Path) -> None:
    """A bad rule file ends the start with the last line of its log."""
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{record: x, expr: 'rate('}]}]")
    with pytest.raises(PrometheusError, match=r"does not start: .*rules\.yml"):
        async with prometheus([], tmp_path / "data", [rules]):
            pytest.fail("it started")


def test_a_missing_program_is_said_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Debian's package: one line that names it."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PrometheusMissing, match="apt install prometheus"):
        find_program()
