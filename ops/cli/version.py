"""The version of this installation, for `cityswitch --version` and for what terminals report at sign-on.

Owns the look-up: an installed wheel knows its version; a checkout on the path has it in pyproject.toml.
"""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def project_version() -> str:
    """Return the version, such as "0.1.0"."""
    try:
        return version("cityswitch")
    except PackageNotFoundError:
        pyproject = Path(__file__).resolve().parents[2] / "pyproject.toml"
        return str(tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"])
