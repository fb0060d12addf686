"""The log's way out: whatever becomes of it, nobody who logs waits or fails, and what is lost is counted."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import structlog

from switch import logs
from switch.log_writer import LINES_WAITING_MAX, LogWriter
from switch.logs import LINE_BYTES_MAX, configure_logs
from tests.patience import HANG_S

FULL = Path("/dev/full")


def notice(count: int) -> bytes:
    return b"lost %d" % count


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        for end in (reader, writer):
            try:
                os.close(end)
            except OSError:  # closed by the test
                continue


def read_all(reader: int) -> list[bytes]:
    """Read to the end."""
    data = b""
    while chunk := os.read(reader, 65_536):
        data += chunk
    return data.splitlines()


def test_a_full_disk_loses_lines_and_takes_them_again(tmp_path: Path) -> None:
    """A full disk: nothing raises, lines are counted; with room again the log says how many are missing."""
    descriptor = os.open(FULL, os.O_WRONLY)
    out = tmp_path / "log"
    try:
        log = LogWriter(descriptor, notice)
        for _ in range(3):
            log.write(b"lost")
        assert log.flush(HANG_S)
        assert log.dropped == 3
        with out.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
        log.write(b"here again")
        assert log.flush(HANG_S)
    finally:
        os.close(descriptor)
    assert out.read_bytes() == b"here again\nlost 3\n"
    assert log.dropped == 3


def test_a_reader_that_is_gone_loses_lines() -> None:
    """EPIPE: nothing raises, lines are counted."""
    with pipe() as (reader, writer):
        log = LogWriter(writer, notice)
        os.close(reader)
        log.write(b"to nobody")
        assert log.flush(HANG_S)
        assert log.dropped == 1


def test_a_reader_that_does_not_read_makes_nobody_wait() -> None:
    """A pipe that is full takes what it holds and a bounded queue; the rest is counted, then told."""
    line, count = b"x" * 1_000, LINES_WAITING_MAX + 200
    with pipe() as (reader, writer), ThreadPoolExecutor(1) as beside:
        log = LogWriter(writer, notice)
        for _ in range(count):
            log.write(line)  # would block here for ever
        dropped = log.dropped
        assert 0 < dropped < count
        reading = beside.submit(read_all, reader)
        assert log.flush(HANG_S)
        log.write(b"here again")
        assert log.flush(HANG_S)
        os.close(writer)
        lines = reading.result()
    assert log.dropped == dropped
    assert lines.count(line) + dropped == count
    assert sum(int(told.split()[1]) for told in lines if told.startswith(b"lost")) == dropped
    assert b"here again" in lines


def test_a_descriptor_that_does_not_wait_loses_nothing() -> None:
    """Whoever shares the descriptor may have made it non-blocking: the thread waits, nothing is lost."""
    with pipe() as (reader, writer), ThreadPoolExecutor(1) as beside:
        os.set_blocking(writer, False)
        log = LogWriter(writer, notice)
        for _ in range(200):
            log.write(b"x" * 1_000)
        reading = beside.submit(read_all, reader)
        assert log.flush(HANG_S)
        os.close(writer)
        assert len(reading.result()) == 200
        assert log.dropped == 0


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    configure_logs("info")
    yield capfd
    structlog.reset_defaults()


def lines_of(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert logs.writer.flush(HANG_S)
    return [msgspec.json.decode(line) for line in capfd.readouterr().err.splitlines()]


@pytest.mark.parametrize("value", ["\ud800", 1 << 80, object(), b"\xff", {1: {2}}, float("nan")])
def test_any_value_can_be_logged(logged: pytest.CaptureFixture[str], value: object) -> None:
    """Lone surrogates, numbers without end, strange objects: a line of JSON, never an error."""
    logs.log.warning("strange", value=value)
    (line,) = lines_of(logged)
    assert line["event"] in {"strange", "log_line_unprintable"}


def test_a_library_cannot_log_its_way_out(logged: pytest.CaptureFixture[str]) -> None:
    """A record whose arguments do not fit, or whose extras have our own names, is at most lost."""
    logger, before = logging.Logger("some.library"), logs.writer.dropped
    logger.addHandler(logs.StandardLogs())
    logger.warning("%d of %d", *["one"])
    assert logs.writer.dropped == before + 1
    logger.warning("fine", extra={"logger": "another", "level": 7})
    line, notice_of_the_other = lines_of(logged)
    assert (line["event"], line["level_"], line["logger"]) == ("fine", 7, "some.library")
    assert notice_of_the_other["event"] == "log_lines_dropped"


def test_lines_are_short_enough_for_a_pipe(logged: pytest.CaptureFixture[str]) -> None:
    """A line is what a pipe takes whole; of a long text beginning and end are kept."""
    logs.log.error("long", problem="a" + 3 * LINE_BYTES_MAX * "ż" + "z", other=LINE_BYTES_MAX * "y", count=7)
    assert logs.writer.flush(HANG_S)
    text = logged.readouterr().err
    assert len(text.encode()) <= LINE_BYTES_MAX + 1
    line = msgspec.json.decode(text, type=dict[str, object])
    assert (line["count"], line["event"]) == (7, "long")
    assert str(line["problem"]).startswith("aż")
    assert str(line["problem"]).endswith("z")
