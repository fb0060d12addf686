"""What runs without the extra `office`: everything but the pages, and those say what is missing."""

import subprocess
import sys
from typing import Final

from ops.exit_codes import Exit
from tests.patience import HANG_S

OF_THE_EXTRA: Final = ("argon2", "webauthn", "multipart", "python_multipart", "lxml", "typst", "segno")
SCRIPT: Final = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({OF_THE_EXTRA}))
import ops.cli
for module in pkgutil.iter_modules(ops.cli.__path__):
    if module.name not in {{"__main__", "office_demo"}}:  # the second: only where the extra is asked for
        importlib.import_module("ops.cli." + module.name)
sys.exit(ops.cli.main(sys.argv[1:]))
"""


def without_extras(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the packages of the extra cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], capture_output=True, text=True, timeout=HANG_S, check=False
    )


def test_every_command_is_there_without_the_extra() -> None:
    """The runtime's packages alone: all of the command is imported and helps."""
    done = without_extras("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "settlement" in done.stdout


def test_the_office_says_which_package_it_lacks() -> None:
    """One line with the cure, and the status of the environment."""
    done = without_extras("office", "serve")
    assert done.returncode == Exit.ENVIRONMENT
    assert "make venv-office" in done.stderr
