"""Reads every worker's /metrics once a second while a load is put on.

Owns the pace and the gaps: a worker that does not answer is noted, and asked again the next second. Must not
know what the figures mean (`server_side`). Invariants: nothing that fails here fails the run; what was not
read is missing, never a figure; of a page only what is asked for is kept, once a second for hours.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

import trio

from bench.pages import OK, PageError, get

EVERY_S: Final = 1.0
Samples = Mapping[str, float]
"""Figures by series, as the page writes it: `cityswitch_replies_total{class="approved",…}`."""


class Round(NamedTuple):
    """What the workers said at one moment (seconds from the start); None: no answer."""

    at_s: float
    workers: Sequence[Samples | None]


class Watch:
    """The rounds so far, of workers at `urls` (none: there is nothing to ask); kept is what begins with one
    of `names`.
    """

    def __init__(self, urls: Sequence[str], names: Sequence[str]) -> None:
        self.urls = list(urls)
        self._names = tuple(names)
        self.rounds: list[Round] = []
        self._began_s = 0.0

    async def run(self) -> None:
        """Ask once a second until cancelled."""
        self._began_s = due_s = trio.current_time()
        while self.urls:
            await self.ask()
            due_s = max(due_s + EVERY_S, trio.current_time())
            await trio.sleep_until(due_s)

    async def ask(self) -> None:
        """Ask every worker once, all at a time."""
        at_s = trio.current_time() - self._began_s
        answers: list[Samples | None] = [None] * len(self.urls)

        async def read(number: int, url: str) -> None:
            page = partial(_read, url, self._names)
            answers[number] = await trio.to_thread.run_sync(page, abandon_on_cancel=True)

        async with trio.open_nursery() as nursery:
            for number, url in enumerate(self.urls):
                nursery.start_soon(read, number, url)
        self.rounds.append(Round(at_s, answers))


def _read(url: str, names: tuple[str, ...]) -> Samples | None:
    try:
        status, text = get(url, "/metrics")
    except PageError:
        return None
    return parse(text, names) if status == OK else None


def parse(text: str, names: tuple[str, ...]) -> Samples:
    """Return the figures of a page whose series begin with one of `names`, passing over what is none."""
    samples: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith(names):
            series, _, value = line.rpartition(" ")
            try:
                samples[sys.intern(series)] = float(value)
            except ValueError:
                continue
    return samples
