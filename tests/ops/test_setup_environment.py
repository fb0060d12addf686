"""The set-up step: what is missing is one line with cause and cure, and exit status 8."""

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.setup import build_native

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT_STATUS = 8
NATIVE = sorted(str(source.relative_to(ROOT)) for source in build_native.SOURCES)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the set-up step and the locks, and an empty `bin` for the PATH."""
    for name in (
        "ops/setup/setup_environment.sh",
        "ops/setup/link_project.py",
        "ops/setup/build_native.py",
        *NATIVE,
        "requirements/runtime.txt",
        "pyproject.toml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "cat", "cmp", "grep", "date", "rm", "tail"):
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def python(checkout: Path, name: str, version: str, rest: str = "exit 1") -> Path:
    """Make a Python that tells its version and does `rest` for everything else."""
    path = checkout / "bin" / name
    path.write_text(f'#!/bin/sh\ncase "$*" in *version_info*) echo {version} ;; *) {rest} ;; esac\n')
    path.chmod(0o755)
    return path


def set_up(checkout: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the step with nothing on the PATH but the checkout's own `bin`."""
    return subprocess.run(
        [str(checkout / "ops" / "setup" / "setup_environment.sh"), "runtime"],
        env={"PATH": str(checkout / "bin"), "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the one line a failed step says."""
    assert done.returncode == ENVIRONMENT_STATUS
    (line,) = done.stderr.splitlines()
    assert "Cure: " in line
    return line


def test_no_python_at_all(checkout: Path) -> None:
    """Nothing named python3 on the PATH: say so, and which package brings it."""
    line = complaint(set_up(checkout))
    assert "python3 is missing" in line
    assert "apt install python3" in line


@pytest.mark.parametrize("version", ["3.10", "3.14", "2.7"])
def test_a_python_too_old_or_too_new(checkout: Path, version: str) -> None:
    """Only 3.11 to 3.13 will do; the line names the version found."""
    python(checkout, "python3", version)
    assert f"python3 is {version}" in complaint(set_up(checkout))


def test_the_python_named_is_the_one_judged(checkout: Path) -> None:
    """PYTHON= names a Python of an unsupported version: the line says which it is."""
    python(checkout, "python3", "3.11")
    old = python(checkout, "python-old", "3.9")
    assert "is 3.9" in complaint(set_up(checkout, PYTHON=str(old)))
    assert "no Python that runs" in complaint(set_up(checkout, PYTHON=str(checkout / "bin" / "absent")))


def test_no_venv_module_and_no_pip(checkout: Path) -> None:
    """A Python that cannot make virtual environments: the line names the package to install."""
    python(checkout, "python3", "3.11")
    assert "apt install python3-venv" in complaint(set_up(checkout))


def test_a_current_environment_is_left_alone(checkout: Path) -> None:
    """With nothing changed since, the step does nothing and needs no Python but the environment's."""
    marker = checkout / ".venv"
    (marker / "bin").mkdir(parents=True)
    (marker / "pyvenv.cfg").write_text(f"command = python3 -m venv {marker.resolve()}\n")
    python(checkout, "python3", "3.11", rest="exit 0")
    (marker / "bin" / "python").symlink_to(checkout / "bin" / "python3")
    fingerprint = "".join(
        (checkout / name).read_text()
        for name in (
            "requirements/runtime.txt",
            "pyproject.toml",
            "ops/setup/setup_environment.sh",
            "ops/setup/link_project.py",
            "ops/setup/build_native.py",
            *NATIVE,
        )
    )
    (marker / "stamp-runtime").write_text(f"{checkout.resolve()}\n{fingerprint}")
    done = set_up(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lock = checkout / "requirements" / "runtime.txt"
    lock.write_text(lock.read_text() + "\n")
    assert set_up(checkout).stdout.startswith("cityswitch set-up: installing")


def test_the_command_s_launcher_runs_nothing_where_it_is_imported() -> None:
    """A spawned process imports its parent's launcher; only as a program does that run the command."""
    launcher: str = runpy.run_path(str(ROOT / "ops" / "setup" / "link_project.py"))["LAUNCHER"]
    text = launcher.format(module="no_such_module", function="main")
    exec(compile(text, "launcher", "exec"), {"__name__": "__mp_main__"})
    with pytest.raises(ModuleNotFoundError):
        exec(compile(text, "launcher", "exec"), {"__name__": "__main__"})
