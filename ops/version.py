"""The version of this installation, for `cityswitch --version` and for what terminals report at sign-on.

Owns the look-up.
"""

from importlib.metadata import version


def project_version() -> str:
    """Return the version, such as "0.1.0"."""
    return version("cityswitch")
