"""A core dump of a process would hold its keys.

Owns the limit that keeps one from being made. Must not know who holds what.
"""

from __future__ import annotations

import resource


def forbid_core_dumps() -> None:
    """Let this process, and whatever it starts, leave no core dump: a limit of 0 bytes (core(5)), for good.

    A handler that the kernel pipes cores to (systemd-coredump, apport) is started all the same; both obey the
    limit.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
