"""What Prometheus says while faults come and go: which alerts fire, from when until when.

Owns the times. Must not know faults. Times are trio's clock, in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import trio

from ops.monitoring.prometheus import Prometheus, PrometheusError

POLL_S: Final = 0.5


class Watch:
    """Asks Prometheus twice a second for the alerts that fire."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self.firing: dict[str, float] = {}
        """Alerts that fire, by the moment they began to."""
        self.ended: dict[str, float] = {}
        """When each that does not fire any more ended."""
        self.descriptions: dict[str, str] = {}
        """What each said when it fired last."""

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            with suppress(PrometheusError):  # asked again at once: what is missed counts as silent
                self.take(await self._prometheus.alerts())
            await trio.sleep(POLL_S)

    def take(self, alerts: Iterable[dict[str, object]]) -> None:
        """Note what Prometheus has just said."""
        now, firing = trio.current_time(), set()
        for alert in alerts:
            if alert["state"] != "firing":
                continue
            labels, annotations = alert["labels"], alert["annotations"]
            assert isinstance(labels, dict)
            assert isinstance(annotations, dict)
            name = str(labels["alertname"])
            firing.add(name)
            self.descriptions[name] = str(annotations["description"])
        for name in firing - set(self.firing):
            self.firing[name] = now
        for name in set(self.firing) - firing:
            del self.firing[name]
            self.ended[name] = now

    async def wait_firing(self, names: Iterable[str], s_max: float) -> bool:
        """Wait until all fire at some time; return False if one did not in time."""
        missing = set(names)
        with trio.move_on_after(s_max):
            while missing := missing - set(self.firing):  # noqa: ASYNC110 Prometheus knows
                await trio.sleep(POLL_S / 2)
        return not missing

    async def wait_silent(self, names: Iterable[str], s_max: float) -> bool:
        """Wait until none of them fires; return False if one went on."""
        with trio.move_on_after(s_max):
            while any(name in self.firing for name in names):  # noqa: ASYNC110
                await trio.sleep(POLL_S / 2)
        return not any(name in self.firing for name in names)
