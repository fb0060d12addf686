"""A switch whose log goes nowhere: terminals are served all the same, and a metric tells."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from protocol import Earn
from switch.process.supervisor import serving
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import http_get, seed
from tests.switch.memory import CARD
from tests.switch.test_supervisor import connect, make_config

SALES = 60


@contextmanager
def sink(kind: str) -> Iterator[int]:
    """A log that takes nothing: a full disk, a reader that is gone, or one that does not read."""
    if kind == "full disk":
        descriptor = os.open("/dev/full", os.O_WRONLY)
        yield descriptor
        os.close(descriptor)
        return
    reader, writer = os.pipe()
    if kind == "reader gone":
        os.close(reader)
    else:
        os.set_blocking(writer, False)
        try:
            while os.write(writer, b"\n" * 4_096):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
    yield writer
    os.close(writer)
    if kind != "reader gone":
        os.close(reader)


@pytest.mark.parametrize("kind", ["full disk", "reader gone", "reader asleep"])
async def test_sales_go_on_without_a_log(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, kind: str
) -> None:
    """Nobody takes the log's lines: every request is approved by the same workers; none is lost silently."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    config = msgspec.structs.replace(make_config(fresh, tmp_path, 1), log_level="debug")
    with sink(kind) as descriptor, os.fdopen(os.dup(descriptor), "wb") as log_file:
        async with serving(config, log_file=log_file, ready_s_max=HANG_S) as running:
            pids = running.pids
            line = await connect(running, 1)
            for stan in range(1, SALES + 1):
                with trio.fail_after(HANG_S):
                    reply = await line.ask(
                        Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
                    )
                assert reply.code == 0
            assert running.pids == pids
            _, body = await http_get(running.http[0], "/metrics")
            assert b"cityswitch_log_lines_dropped_total" in body
            if kind != "reader asleep":  # there they wait, as many as may
                with trio.fail_after(HANG_S):
                    while b"cityswitch_log_lines_dropped_total 0.0" in body:
                        _, body = await http_get(running.http[0], "/metrics")
            await line.stream.aclose()
