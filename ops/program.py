"""What runs here: the version of this installation, and how the command was called.

Owns the look-ups.
"""

import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path


def project_version() -> str:
    """Return the version, such as "0.1.0"."""
    return version("cityswitch")


def called_as() -> str:
    """Return how to call this command again from here: by name if the shell finds it, else by path."""
    launcher = Path(sys.argv[0])
    if launcher.name != "cityswitch":
        return f"{_nearest_path(Path(sys.executable))} -m ops.cli"
    found = shutil.which(launcher.name)
    if found and Path(found).resolve() == launcher.resolve():
        return launcher.name
    return _nearest_path(launcher)


def _nearest_path(path: Path) -> str:
    relative = os.path.relpath(path)
    return relative if not relative.startswith(os.pardir) else str(path)
