"""The page beside `up` and by `cityswitch till-page`: before which switch it is served, and where not."""

import re
import socket
import urllib.request
from pathlib import Path

import pytest
import trio

from ops.cli import main
from ops.cli.demo import pages
from ops.demo.till_page import known_cities, till_page
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.running import RunningNote
from simulators.city.example import CITIES, City
from simulators.city.population import Population
from simulators.till.channel import Address, connector
from switch.config import Config
from switch.wire.listener import PortInUse
from tests.web.till_stage import Stage


async def test_a_switch_that_knows_no_demo_terminal_is_refused(stage: Stage) -> None:
    """The demo's own cities have other terminals than this switch's: no page, and the line says why."""
    assert await known_cities(connector(stage.address), CITIES) == []
    with pytest.raises(
        CommandError, match="is no demo's: it knows no terminal by its development key"
    ) as told:
        async with till_page(stage.address, 0):
            pass
    assert told.value.status is Exit.CONFIGURATION


async def test_the_cities_it_knows_are_the_pages(stage: Stage) -> None:
    """Of three cities one has another seed here: the page is served for the other two."""
    stranger = City(Population("another seed", 300, 2, 4, 3, at_first=2))
    cities = (*stage.cities[:2], stranger)
    assert await known_cities(connector(stage.address), cities) == list(cities[:2])
    async with till_page(stage.address, 0, cities=cities) as url:
        text = await trio.to_thread.run_sync(read, f"{url}till.json")
    assert re.findall(r'"code":"(\w+)"', text) == ["czestochowa", "zywiec"]


def read(url: str) -> str:
    with urllib.request.urlopen(url) as response:
        return str(response.read().decode())


@pytest.mark.parametrize("host", ["switch.example", "192.0.2.1", "0.0.0.0"])
async def test_a_switch_elsewhere_is_refused_before_a_byte_is_sent(host: str) -> None:
    """Keys of development and cards go to this machine alone; nothing is looked up or connected."""
    with pytest.raises(CommandError, match="is not this machine"):
        async with till_page(Address(host, 7070), 0):
            pass


def test_the_command_says_cause_and_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another machine: status 3. No switch at all: status 10. Each in one line."""
    state = ["--state-dir", str(tmp_path)]
    assert main(["till-page", "--switch", "switch.example:7070", *state]) == Exit.CONFIGURATION
    assert "is not this machine" in capsys.readouterr().err
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        assert main(["till-page", "--switch", nobody, *state]) == Exit.CANNOT_CONNECT
    assert "Start one with `cityswitch up`" in capsys.readouterr().err


async def test_a_port_that_is_taken_is_told_or_passed_over(stage: Stage) -> None:
    """The command names the port it wanted; beside `up` the page takes a free one."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port}"):
            async with till_page(stage.address, port, cities=stage.cities):
                pass
        async with till_page(stage.address, port, or_any=True, cities=stage.cities) as url:
            assert f":{port}/" not in url


async def test_up_goes_on_without_the_pages(tmp_path: Path) -> None:
    """Where a page cannot be had, `up` says so and keeps the switch."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        note = RunningNote(1, "127.0.0.1", closed.getsockname()[1], [], False)
        async with pages(Config(state_dir=str(tmp_path / "nowhere"), dsn="postgresql://none"), note) as lines:
            assert [line.partition(": none: ")[0] for line in lines] == ["Board", "Terminal in the browser"]
