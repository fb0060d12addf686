"""How many connections a process may hold: file descriptors.

Owns the raising of the limit. Must not know who connects.
"""

from __future__ import annotations

import contextlib
import resource


def raise_descriptor_limit() -> None:
    """Take as many file descriptors as the system allows this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
