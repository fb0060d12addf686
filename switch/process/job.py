"""What a piece of periodic work is. Owns its shape; must not know who does it, nor when it was done last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from ledger.postgres.database import Connection


class Job(NamedTuple):
    """Something to do every `every_s`, as one job of the database."""

    name: str
    every_s: float
    work: Callable[[Connection], Awaitable[None]]
