"""The packages of the extra `office`, which some commands alone need.

Owns what is said where one is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ops.errors import CommandError
from ops.exit_codes import Exit


@contextmanager
def office_packages() -> Iterator[None]:
    """Turn a package that is missing into what to do about it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CommandError(
            Exit.ENVIRONMENT,
            f"the package {error.name} is missing, which the office's site needs.",
            "make venv-office, or pip install 'cityswitch[office]'.",
        ) from None
