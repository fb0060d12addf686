"""What a fault is: how it is made and undone, and which alerts have to fire.

Owns the shape. Must not know any fault.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from ops.monitoring.drill.stage import Stage


@dataclass(frozen=True)
class Fault:
    """A fault of the real thing. `make` breaks when its block begins, and mends when it is left.

    `fires`: the alerts it has to fire. `late`: those of them whose long windows let them end only long after.
    `databaseless`: whether psql cannot connect while it lasts.
    """

    told: str
    make: Callable[[Stage], AbstractAsyncContextManager[None]]
    fires: tuple[str, ...]
    late: tuple[str, ...] = ()
    fire_s_max: float = 120.0
    databaseless: bool = False
