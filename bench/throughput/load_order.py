"""What a bench tells a load generator and what that tells it back: plain structures, one JSON line each.

Owns the shapes. Must not know how load is made. All times are CLOCK_MONOTONIC seconds, which every process of
a machine shares. The talk over standard input and output: order → `ready` → `Window` → `LoadReport`.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

READY: Final = b"ready\n"
LINE_BYTES_MAX: Final = 4_194_304
VERIFIED_EVERY: Final = 16
BIN_S: Final = 0.1
"""Width of the time slots in which an open-loop report counts."""


Asks: TypeAlias = Literal["earn", "balance", "repeat", "declined", "benefit", "verified benefit", "cities"]
"""What a load consists of: purchases, balances, repeats of purchases, or purchases some declined; benefits
used, each verified before, or not; or connections of three cities by turns, one earns, two use benefits.
"""


class Phase(msgspec.Struct, frozen=True):
    """A stretch of open-loop load: `rate_per_s` requests a second for `seconds`, evenly spaced."""

    seconds: float
    rate_per_s: float


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The order of one generator process.

    Closed loop when `phases` is empty: `depth` requests always in flight on each of `terminals` connections.
    Otherwise open loop: requests are due at fixed times, `burst` at once on one connection, whatever has
    been answered; beyond `depth` unanswered ones on a connection a due request is dropped and counted, as a
    terminal that is busy drops it.
    """

    host: str
    port: int
    speaks: Literal["switch", "echo"]
    """Whether there is a handshake and tagged replies, or every frame comes back as it is."""
    seed: str
    cards: int
    partners: int
    terminals: int
    terminal_first: int = 0
    """Index of the first terminal in the population."""
    depth: int
    burst: int = 1
    stan_first: int
    """The STAN of every terminal's first request; 65,536 or more, so all frames have one size."""
    sealed_ahead: int
    """Frames sealed for each connection before the load begins; more are sealed on the way, and counted."""
    asks: Asks = "earn"
    verified_every: int = VERIFIED_EVERY
    """Of every so many connections, one has the tags of all its replies verified; 1 verifies everything."""
    phases: list[Phase] = []


class Window(msgspec.Struct, frozen=True):
    """When to begin the load, and between which times to count."""

    start_s: float
    begin_s: float
    end_s: float


class Bin(msgspec.Struct):
    """One slot of `BIN_S` of an open-loop run, by the time of the replies."""

    replies: int = 0
    refused: int = 0
    latency_max_s: float = 0.0


class LoadReport(msgspec.Struct, kw_only=True):
    """What one generator process saw. Counts of the window, unless said otherwise."""

    replies: int
    """Open loop: approvals."""
    seconds: float
    """The length of the window as this process kept it."""
    codes: dict[int, int]
    """Replies of the whole run by result code (echo: none)."""
    sent: int
    """Requests of the whole run, as well as `answered` and `verified`."""
    answered: int
    verified: int
    sealed_late: int
    """Frames that had to be sealed while the load ran."""
    dropped: int = 0
    late_max_s: float = 0.0
    """Open loop: the longest time between a request's due time and its sending."""
    buckets: dict[int, int] = {}
    """Open loop: latencies from the due time, as `simulators.histogram.Histogram` counts them."""
    latency_max_us: int = 0
    bins: list[Bin] = []


Function: TypeAlias = Literal["in use", "d5b569b"]
"""Which batch function is driven: the ledger's own, or the one kept from that commit."""


class DirectOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the process that posts batches straight into Postgres."""

    dsn: str
    function: Function = "in use"
    """Which one the database behind `dsn` has."""
    accounts: list[int]
    """Card accounts; each connection takes its own share of them, so no batch waits for another's locks."""
    connections: int
    batch: int
    terminal_first: int
    terminals: int
    stan_first: int
    made_ahead: int
    """Batches made for each connection before the window."""
    rate_per_s: float = 0.0
    """Batches a second, due at fixed times; 0 is flat out."""


class DirectReport(msgspec.Struct, kw_only=True):
    """Postings committed in the window, and (with a rate) the latency of a batch from its due time."""

    postings: int
    seconds: float
    made_late: int
    buckets: dict[int, int] = {}
    latency_max_us: int = 0


class NaiveOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The order of the naive server: its database, its keys, and how many connections its pool has."""

    dsn: str
    master_key_file: str
    pool: int
