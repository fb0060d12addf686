"""The systemd units: sound by systemd's own word, hardened to the figure in the documents, and true."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.cli.app import app
from ops.deploy.doctor.limits import judge_descriptors, judge_processes
from ops.exit_codes import Exit
from switch.config import WORKERS_MAX, Config
from switch.process.child import FIRST_WORD_S_MAX, KILL_MARGIN_S

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "ops/deploy/systemd"
SERVICES = sorted(UNITS.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    not ANALYZE, reason="systemd-analyze is not installed: apt install systemd"
)


class Unit(configparser.RawConfigParser):
    """A unit file; of a name that stands twice the last value counts."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",), interpolation=None)
        self.optionxform = str  # type: ignore[method-assign,assignment]
        self.read_string(path.read_text(encoding="utf-8"))


def hardening(path: Path) -> list[str]:
    """The lines of a unit from its hardening on, but for its own paths."""
    _, found, rest = path.read_text(encoding="utf-8").partition("# Hardened")
    assert found
    lines = rest.partition("\n\n")[0].splitlines()[1:]
    paths = ("ReadOnlyPaths=", "ReadWritePaths=", "# Keys of holders")
    return [line for line in lines if not line.startswith(paths)]


@needs_systemd
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing of any unit; the paths are this checkout's."""
    for path in UNITS.iterdir():
        text = path.read_text(encoding="utf-8").replace("/opt/cityswitch", str(ROOT))
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    command = [str(ANALYZE), "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_every_service_is_as_hardened_as_the_page_says(path: Path) -> None:
    """`systemd-analyze security`: the figure of docs/how-to/deploy.md, and below 2."""
    command = [str(ANALYZE), "security", "--offline=true", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for (\S+): ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[2]) < 2
    page = (ROOT / "docs/how-to/deploy.md").read_text(encoding="utf-8")
    assert f"| `{found[1]}` | {found[2]} |" in page


def test_all_services_are_hardened_alike() -> None:
    """What holds of one holds of all, but for where they write."""
    assert len(SERVICES) == 5
    assert {tuple(hardening(path)) for path in SERVICES} == {tuple(hardening(SERVICES[0]))}
    assert len(hardening(SERVICES[0])) > 20


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.stem)
def test_every_command_is_one(path: Path) -> None:
    """What a unit starts is a command line that the parser takes."""
    program, *words = Unit(path)["Service"]["ExecStart"].split()
    assert program == "/opt/cityswitch/.venv/bin/cityswitch"
    words = [word for word in words if not word.startswith("$")]  # what /etc/cityswitch/office adds
    app.parse_args(words, exit_on_error=False, print_error=False)


def test_the_switch_s_unit_fits_its_settings() -> None:
    """Longer than a drain, than a silent worker and its start; room for connections and workers."""
    unit, config = Unit(UNITS / "cityswitch.service")["Service"], Config()
    assert int(unit["TimeoutStopSec"]) > config.drain_s + config.write_s + KILL_MARGIN_S
    assert int(unit["WatchdogSec"]) >= FIRST_WORD_S_MAX > config.worker_silent_s
    assert judge_descriptors(config, int(unit["LimitNOFILE"])).level == "ok"
    assert judge_processes(Config(workers=WORKERS_MAX), int(unit["TasksMax"])).level == "ok"
    assert unit["RestartPreventExitStatus"].split() == [str(int(Exit.USAGE)), str(int(Exit.CONFIGURATION))]
    assert (unit["Type"], unit["KillMode"], unit["StateDirectory"]) == ("notify", "mixed", "cityswitch")


def test_who_seals_for_holders_may_write_the_vault() -> None:
    """The vault beside the master key is written in place by the office, and by no other of these."""
    vault = "/etc/cityswitch/master.key.vault"
    writers = [path.stem for path in SERVICES if vault in Unit(path)["Service"].get("ReadWritePaths", "")]
    assert writers == ["cityswitch-office"]


def test_every_timer_has_its_service() -> None:
    """What a timer starts is there."""
    timers = sorted(UNITS.glob("*.timer"))
    assert [path.with_suffix(".service").exists() for path in timers] == [True] * len(timers)
