"""What the parts of a running worker tell the metrics, and how late its event loop is.

Owns who is asked for which gauge, so that no part need know that it is watched. Must not change anything.
Invariant: every reading is cheap enough for a scrape, which holds the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import trio

from ledger.books.sharded import AnyCommitter
from switch.config import Config
from switch.flow.inquirer import INQUIRIES_MAX
from switch.logs import writer as log_writer
from switch.metrics import Histogram, Meters
from switch.metrics import catalogue as of
from switch.process.certificate import Certificate
from switch.process.feed import Feed
from switch.process.front import Front
from switch.rules.directory import Directory

TICK_S: Final = 0.05


class Parts(NamedTuple):
    """The parts of a worker that serves; the certificate may be renewed while it does."""

    config: Config
    front: Front
    committer: AnyCommitter
    feed: Feed
    directory: Directory
    certificate: Callable[[], Certificate | None]


def attach_parts(meters: Meters, parts: Parts) -> None:
    """Have the parts asked at every scrape."""
    config, front, committer, feed, directory, certificate = parts
    attach, flow, connections = meters.attach, front.flow, front.connections
    attach(of.CONNECTIONS, lambda: len(connections))
    attach(of.CONNECTIONS_LIMIT, lambda: config.connections_max)
    attach(of.CONNECTIONS_RESTING, lambda: connections.resting)
    attach(of.HANDSHAKES_IN_PROGRESS, lambda: front.doorway.half_open)
    attach(of.HANDSHAKES_LIMIT, lambda: config.handshakes_max)
    attach(of.IN_FLIGHT, lambda: flow.in_flight)
    attach(of.IN_FLIGHT_LIMIT, lambda: config.in_flight_max)
    attach(of.POSTINGS_QUEUED, lambda: committer.queued)
    attach(of.QUEUE_AGE, lambda: committer.queue_age_s)
    attach(of.INQUIRIES_IN_FLIGHT, lambda: flow.inquiries)
    attach(of.VERIFIES_WAITING, lambda: flow.verifies_waiting)
    attach(of.INQUIRIES_LIMIT, lambda: INQUIRIES_MAX)
    attach(of.FEED_AGE, lambda: feed.age_s)
    attach(of.FEED_STALE, lambda: float(feed.is_stale()))
    attach(of.DIRECTORY_CARDS, lambda: len(directory.cards))
    attach(of.DIRECTORY_TERMINALS, lambda: len(directory.terminals))
    attach(of.CERTIFICATE_EXPIRY, lambda: _expiry_s(certificate()))
    attach(of.REVOCATIONS_EXPIRY, lambda: _revocations_expiry_s(certificate()))


def attach_process(meters: Meters, *, restarts: int) -> None:
    """Have what is the process' own told, from its start on."""
    meters.attach(of.WORKER_RESTARTS, lambda: restarts)
    meters.attach(of.LOG_LINES_DROPPED, lambda: log_writer.dropped)


def _expiry_s(certificate: Certificate | None) -> float | None:
    return certificate.not_after_ms / 1_000 if certificate else None


def _revocations_expiry_s(certificate: Certificate | None) -> float | None:
    if certificate is None or certificate.revocations_until_ms is None:
        return None
    return certificate.revocations_until_ms / 1_000


async def watch_loop(late_s: Histogram) -> None:
    """Tick for ever, and count how late each tick was: for so long the event loop served nobody."""
    due_s = trio.current_time() + TICK_S
    while True:
        await trio.sleep_until(due_s)
        now_s = trio.current_time()
        late_s.add(now_s - due_s)
        due_s = now_s + TICK_S
