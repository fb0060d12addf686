"""What the service manager is told (systemd's sd_notify): ready, reloading, stopping, and that all is alive.

Owns the socket that NOTIFY_SOCKET names, and the interval of the watchdog. Must not know what is told.
Without a service manager nothing is told. Invariant: nobody fails, and nobody waits for long, because it does
not listen.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

import trio

SEND_S_MAX: Final = 1.0
WATCHDOG_S: Final = 1.0
"""How often it is looked whether all is alive; oftener where the watchdog wants to be fed oftener."""
FEEDINGS: Final = 3
"""In an interval of the watchdog, so that one that comes late is no harm."""


class Notifier:
    """Tells the service manager at `address` (a path, or "@" and an abstract name); nobody if it is empty."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.has_watchdog = bool(address) and watchdog_s is not None
        self.look_s = min(WATCHDOG_S, (watchdog_s or WATCHDOG_S) / FEEDINGS)

    @property
    def is_heard(self) -> bool:
        """Whether there is a service manager."""
        return bool(self._address)

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> Notifier:
        """Take what the service manager has put there out, so that no process of ours tells anything, too."""
        taken = {
            name: environment.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        }
        is_ours = taken["WATCHDOG_PID"] in ("", str(os.getpid()))
        microseconds = taken["WATCHDOG_USEC"] if is_ours and taken["WATCHDOG_USEC"].isdecimal() else ""
        return cls(taken["NOTIFY_SOCKET"], int(microseconds) / 1e6 if microseconds else None)

    def tell(self, **said: object) -> None:
        """Send one message: READY=1, STATUS="…"."""
        if not self._address:
            return
        text = "\n".join(f"{name}={value}" for name, value in said.items())
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(SEND_S_MAX)
            sender.sendto(text.encode(), self._address)


SILENT: Final = Notifier()


async def watch(notifier: Notifier, silent: Callable[[], str], serving: Callable[[], str]) -> None:
    """Tell for ever how it is, and feed the watchdog while all is alive.

    `serving` says what is served, and nothing before it is; `silent` who is not alive, if anybody.
    """
    told = ""
    while notifier.is_heard:
        if is_served := serving():
            is_missed = silent()
            if (said := is_missed or is_served) != told:
                notifier.tell(STATUS=said)
                told = said
            if notifier.has_watchdog and not is_missed:
                notifier.tell(WATCHDOG=1)
        await trio.sleep(notifier.look_s)
