"""The load test as a command: its options, the Locust command line, and what it refuses before it starts."""

import socket
from pathlib import Path

import pytest
import trio

from bench.command import Exit, run
from bench.errors import CannotRun
from bench.load import run as load
from bench.probes import block_latency, start_time
from tests.bench.scripted_switch import closed_port


def command_of(*arguments: str) -> list[str]:
    return load.locust_command(load.parse(list(arguments)), "127.0.0.1", 7070, Path("reports/r"))


def value(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


def test_a_headless_run_has_a_time_and_a_report() -> None:
    """A headless run of steady load ends by itself and leaves HTML and CSV."""
    command = command_of("--headless", "--seconds", "20", "--users", "50")
    assert value(command, "--run-time") == "20s"
    assert value(command, "--users") == "50"
    assert value(command, "--html") == "reports/r-locust.html"
    assert value(command, "--csv") == "reports/r"


def test_a_shape_has_its_own_end() -> None:
    """A shape's 24 hours take the seconds asked for, and Locust is given no other end."""
    command = command_of("--headless", "--shape", "christmas", "--seconds", "120")
    assert value(command, "--shape") == "christmas"
    assert value(command, "--day-s") == "120"
    assert "--run-time" not in command


def test_the_web_page_stays_on_loopback() -> None:
    """Nobody else can start a load from here."""
    command = command_of("--web-port", "8090")
    assert value(command, "--web-host") == "127.0.0.1"
    assert "--headless" not in command


def test_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make load LOAD_USERS=7 LOAD_PORT=7071` reaches the options; a bad value is refused by name."""
    monkeypatch.setenv("LOAD_USERS", "7")
    monkeypatch.setenv("LOAD_PORT", "7071")
    options = load.parse([])
    assert (options.users, options.port) == (7, 7071)
    monkeypatch.setenv("LOAD_SHAPE", "easter")
    with pytest.raises(SystemExit):
        load.parse([])


def test_more_users_than_terminals_are_refused() -> None:
    """The run is refused before anything is started, in one line."""
    options = load.parse(["--headless", "--users", "301"])
    with pytest.raises(CannotRun, match="the city has 300 terminals"):
        trio.run(load.load, options, trio.Event())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--users", "0"], "--users 0"),
        (["--seconds", "0"], "--seconds"),
        (["--pause-s", "-1"], "--pause-s"),
        (["--partners", "0"], "partners must be between"),
    ],
)
def test_nonsense_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    """A setting out of its range is named before anything is started."""
    with pytest.raises(CannotRun, match=said):
        trio.run(load.load, load.parse(["--headless", *arguments]), trio.Event())


@pytest.mark.parametrize("arguments", [["--load-terminals", "300"], ["--blocks", "0"], ["--cards", "0"]])
def test_a_measurement_refuses_nonsense(arguments: list[str]) -> None:
    """The block measurement says what it cannot do before it starts a switch."""
    with pytest.raises(CannotRun):
        trio.run(block_latency.measure, block_latency.parse(arguments), trio.Event())


def test_a_web_port_in_use_is_refused() -> None:
    """Another Locust on the port is said in one line with the cure."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = load.parse(["--web-port", str(taken.getsockname()[1])])
        with pytest.raises(CannotRun, match="LOAD_WEB_PORT="):
            trio.run(load.load, options, trio.Event())


def test_a_switch_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """LOAD_PORT= of a port where nobody listens: one line, status 3."""
    options = load.parse(["--headless", "--port", str(closed_port())])
    assert run(lambda stop: load.load(options, stop)) == Exit.CANNOT_RUN
    error = capsys.readouterr().err
    assert error.startswith("bench: no switch on 127.0.0.1:")
    assert error.count("\n") == 1


def test_free_ports_are_neighbours() -> None:
    """Workers take one HTTP port each, counting up from the first."""
    ports = start_time.free_ports(3)
    assert ports == [ports[0], ports[0] + 1, ports[0] + 2]


def test_the_measurements_measure_what_the_targets_name() -> None:
    """Two workers, 50,000 cards, at least 200 blocks; below 100 ms and below 2 s."""
    blocks, starts = block_latency.parse([]), start_time.parse([])
    assert (blocks.workers, blocks.cards, starts.cards) == (2, 50_000, 50_000)
    assert blocks.blocks >= 200
    assert (block_latency.TARGET_MS, start_time.TARGET_S) == (100.0, 2.0)
