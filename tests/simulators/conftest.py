"""A terminal's file, and a scripted switch for it to talk to: what tests of one terminal begin with."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio

from simulators.till.store import TerminalMemory
from tests.simulators.fake_switch import IDENTITY, FakeSwitch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the terminal's file lies."""
    return tmp_path / "terminal"


@pytest.fixture
def memory(path: Path) -> Iterator[TerminalMemory]:
    """The terminal's memory, open."""
    with TerminalMemory.open(path, IDENTITY.terminal) as opened:
        yield opened


@pytest.fixture
async def switch() -> AsyncIterator[FakeSwitch]:
    """A switch that answers as it is told to."""
    async with trio.open_nursery() as nursery:
        yield FakeSwitch(nursery)
        nursery.cancel_scope.cancel()
