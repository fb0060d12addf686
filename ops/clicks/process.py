"""The process in which people click: Locust as a library, told over standard input when they may.

    .venv/bin/python -m ops.clicks.process < an order, then go and pause

Owns Locust's runner and its statistics. Must not know what people click (`users`). Locust patches this
process for gevent: trio and asyncio are not to be imported. Invariants: it reports after the last answer has
come; it ends with its standard input.
"""

from __future__ import annotations

import os
import resource
import sys
import time

import gevent
import msgspec
from gevent.queue import Queue
from locust import User
from locust.env import Environment

from ops.clicks.browser import Crowd, Somebody
from ops.clicks.order import GO, PAUSE, TOUR, Clicked, Order, Page, Ready
from ops.clicks.users import HOLDERS_DO, OFFICERS_DO, Holder, Officer

SPAWNED_PER_S = 100
POLL_S = 0.05


class Place:
    """Where they are: Locust's environment, and the count of what nobody expected."""

    def __init__(self, order: Order) -> None:
        self.crowd = Somebody.crowd = Crowd(order)
        Holder.fixed_count, Officer.fixed_count = len(order.holders), len(order.officers)
        classes: list[type[User]] = [cls for cls in (Holder, Officer) if cls.fixed_count]
        self._environment = Environment(user_classes=classes, host=order.url.rstrip("/"))
        self._environment.events.user_error.add_listener(self._fell)  # type: ignore[no-untyped-call]
        self._runner = self._environment.create_local_runner()
        self._fallen: dict[str, int] = {}
        self._count = len(order.holders) + len(order.officers)
        self._began_s = time.monotonic()

    def arrive(self) -> Ready:
        """Have everybody sign in."""
        self._runner.start(self._count, SPAWNED_PER_S)
        while self.crowd.arrived < self._count:
            gevent.sleep(POLL_S)
        return Ready(took_s=time.monotonic() - self._began_s, unexpected=self._unexpected())

    def tour(self) -> Clicked:
        """Have each errand done once by somebody; return what there was."""
        self._begin()
        jobs = []
        for kind, errands in ((Holder, list(HOLDERS_DO)), (Officer, list(OFFICERS_DO))):
            people = [each for each in self.crowd.people if isinstance(each, kind)][: len(errands)]
            for number, who in enumerate(people):
                jobs.append(gevent.spawn(who.tour, errands[number :: len(people)]))
        gevent.joinall(jobs)
        for job in jobs:
            if job.exception is not None:
                self._fell(job, job.exception)
        return self.pause()

    def go(self) -> None:
        """Let them click, and count from now on."""
        self._begin()
        self.crowd.gate.open()

    def _begin(self) -> None:
        self._environment.stats.clear_all()
        self._fallen.clear()
        self._began_s = time.monotonic()

    def pause(self) -> Clicked:
        """Let them click no more; return what there was once everything is answered."""
        self.crowd.gate.shut()
        seconds, answered = time.monotonic() - self._began_s, self._environment.stats.num_requests
        while self.crowd.gate.asking:
            gevent.sleep(POLL_S)
        pages = {
            entry.name: Page(
                entry.num_requests,
                entry.get_response_time_percentile(0.5),
                entry.get_response_time_percentile(0.99),
            )
            for entry in self._environment.stats.entries.values()
        }
        return Clicked(seconds=seconds, answered=answered, pages=pages, unexpected=self._unexpected())

    def _unexpected(self) -> dict[str, int]:
        told = {
            f"{error.name}: {error.error}": error.occurrences
            for error in self._environment.stats.errors.values()
        }
        return told | self._fallen

    def _fell(self, user_instance: object, exception: BaseException, **_: object) -> None:
        """Count an error of our own: Locust would log it, and the person begin anew."""
        what = f"an error here: {exception!r}"
        self._fallen[what] = self._fallen.get(what, 0) + 1


def main() -> int:
    """Do as it is told."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    place = Place(msgspec.json.decode(sys.stdin.buffer.readline(), type=Order))
    said: Queue[bytes] = Queue()
    gevent.spawn(_listen, said)
    _tell(place.arrive())
    while line := said.get():
        if line == GO:
            place.go()
        elif line == PAUSE:
            _tell(place.pause())
        elif line == TOUR:
            _tell(place.tour())
    return 0


def _listen(said: Queue[bytes]) -> None:
    """Read lines in a thread, so that people go on meanwhile; whoever started us is gone with the last."""
    while line := gevent.get_hub().threadpool.apply(sys.stdin.buffer.readline):
        said.put(line)
    os._exit(0)


def _tell(what: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
