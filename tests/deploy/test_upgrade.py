"""One switch gives way to another on the same port: nobody is refused, and every sale is carried out once."""

from pathlib import Path

import msgspec
import pytest
import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.secrets import MasterKey
from ops.deploy.upgrade_drill import PUT_OFF, settings_file
from protocol import Earn, ResultCode
from switch.config import Config, load_config
from switch.process.ports import reserve_port
from switch.process.supervisor import serving
from switch.wire.listener import PortInUse
from tests.entries import SWIPED
from tests.patience import HANG_S, UNHURRIED
from tests.postgres import FreshDatabase
from tests.switch.city import seed
from tests.switch.memory import CARD, Line

SALES_BETWEEN = 30
"""Of each terminal between one step and the next."""


class Till:
    """A terminal that sells without a pause; where the line ends it comes again with the same STAN."""

    def __init__(self, port: int, terminal: int) -> None:
        self._port, self._terminal = port, terminal
        self._news = trio.lowlevel.ParkingLot()
        self.answered: dict[int, int] = {}
        self.links = 0

    async def sell(self, over: trio.Event) -> None:
        """Sell until it is over. A connection that is refused ends the test."""
        while not over.is_set():
            async with await trio.open_tcp_stream("127.0.0.1", self._port) as stream:
                line = Line(stream, self._terminal)
                if await line.sign_in():
                    self.links += 1
                    await self._sell_on(line, over)

    async def _sell_on(self, line: Line, over: trio.Event) -> None:
        while not over.is_set():
            stan = len(self.answered) + 1
            sale = Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=5_000)
            try:
                reply = await line.ask(sale)
            except (AssertionError, trio.BrokenResourceError):  # drained: the line has ended
                return
            self.answered[stan] = reply.code
            self._news.unpark_all()

    async def until(self, more: int, links: int = 1) -> None:
        """Wait until so many more were answered, and it has come so often."""
        wanted = len(self.answered) + more
        while len(self.answered) < wanted or self.links < links:
            await self._news.park()


async def test_a_switch_gives_way_to_another_under_load(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Two terminals go on selling while one switch comes in beside the other, which then drains."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    old_config = Config(
        dsn=fresh.service_dsn, state_dir=str(tmp_path / "old"), master_key_file=str(tmp_path / "master.key"),
        listen_port=0, http_port=0, **UNHURRIED,  # type: ignore[arg-type]
    )  # fmt: skip
    over, stop_old = trio.Event(), trio.Event()
    tills: list[Till] = []

    async def run_old(task_status: trio.TaskStatus[int]) -> None:
        async with serving(old_config) as switch:
            task_status.started(switch.port)
            await stop_old.wait()

    with trio.fail_after(HANG_S):
        async with trio.open_nursery() as nursery, trio.open_nursery() as olds:
            port = await olds.start(run_old)
            tills += [Till(port, 1), Till(port, 2)]
            for till in tills:
                nursery.start_soon(till.sell, over)
            for till in tills:
                await till.until(SALES_BETWEEN)
            new_config = msgspec.structs.replace(
                old_config, state_dir=str(tmp_path / "new"), listen_port=port, port_shared=True
            )
            async with serving(new_config) as new:
                assert new.port == port
                stop_old.set()
                for till in tills:
                    await till.until(SALES_BETWEEN, links=2)
                    await till.until(SALES_BETWEEN)
                over.set()
    assert {code for till in tills for code in till.answered.values()} == {ResultCode.APPROVED}

    async def count(connection: Connection) -> int:
        found: int = await connection.fetchval("select count(*) from ledger.journal")
        return found

    assert await owner.run(count) == sum(len(till.answered) for till in tills)


def test_a_port_is_shared_where_the_one_that_comes_says_so() -> None:
    """A second switch started by mistake is refused; one that is to take over is not."""
    with reserve_port("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(PortInUse):
            reserve_port("127.0.0.1", port)
        with reserve_port("127.0.0.1", port, is_shared=True) as second:
            assert second.getsockname()[1] == port


def test_the_drill_s_settings_are_a_switch_s(tmp_path: Path) -> None:
    """What the drill writes is a file the switch takes; what counts as put off is "try again" and faults."""
    file = settings_file(tmp_path / "state", {"listen_port": 7, "http_port": 0, "port_shared": True})
    config = load_config(file, environment={})
    assert (config.listen_port, config.port_shared) == (7, True)
    assert {"TRY_AGAIN", "SYSTEM_ERROR"} <= PUT_OFF
    assert not {"APPROVED", "CARD_BLOCKED"} & PUT_OFF
