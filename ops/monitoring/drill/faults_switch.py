"""Faults of the switch's processes and of who comes in: killed, frozen, papers that end, keys that are wrong.

Owns how each is made and undone. Must not know when an alert fires.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import trio

from ops.monitoring.drill.fault import Fault
from ops.monitoring.drill.hands import frozen, is_listening, signal_all, strangers
from ops.monitoring.drill.loads import MORE, trading, wrong_keys
from ops.monitoring.drill.stage import Stage

NOT_TLS: Final = b"GET / HTTP/1.0\r\n\r\n"


@asynccontextmanager
async def killed_again_and_again(stage: Stage) -> AsyncIterator[None]:
    """The first worker is killed each time it serves again."""

    async def again() -> None:
        while True:
            if is_listening(stage.http_port):
                signal_all(stage.workers[:1], signal.SIGKILL)
            await trio.sleep(0.3)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(again)
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def one_frozen(stage: Stage) -> AsyncIterator[None]:
    """A worker stands still, until its supervisor has had enough."""
    async with frozen(stage.workers[-1:]):
        yield


@asynccontextmanager
async def stuttering(stage: Stage) -> AsyncIterator[None]:
    """A worker gets no processor for 0.3 s, three times in two seconds."""
    worker = stage.workers[:1]

    async def again() -> None:
        while True:
            async with frozen(worker):
                await trio.sleep(0.3)
            await trio.sleep(0.35)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(again)
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def switch_stopped(stage: Stage) -> AsyncIterator[None]:
    """The switch is stopped, and started again."""
    await stage.stop_switch()
    try:
        yield
    finally:
        await stage.start_switch()


@asynccontextmanager
async def few_descriptors(stage: Stage) -> AsyncIterator[None]:
    """The limit of a worker's descriptors is set to little more than it uses (prlimit)."""
    worker = stage.workers[0]
    few = len(os.listdir(f"/proc/{worker}/fd")) + 3
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (few, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(worker, resource.RLIMIT_NOFILE, before)


@asynccontextmanager
async def certificate_ends_soon(stage: Stage) -> AsyncIterator[None]:
    """The certificate is replaced by one of ten days, with SIGHUP."""
    async with _certificate(stage, 10):
        yield


@asynccontextmanager
async def certificate_ended(stage: Stage) -> AsyncIterator[None]:
    """The certificate is replaced by one that ended yesterday, with SIGHUP."""
    async with _certificate(stage, -1):
        yield


@asynccontextmanager
async def _certificate(stage: Stage, until_days: float) -> AsyncIterator[None]:
    stage.papers.issue(until_days=until_days)
    stage.reload()
    try:
        yield
    finally:
        stage.papers.put_back()
        stage.reload()


@asynccontextmanager
async def revocations_end_soon(stage: Stage) -> AsyncIterator[None]:
    """The list of revoked certificates is replaced by one of three days, with SIGHUP."""
    async with _revocations(stage, 3):
        yield


@asynccontextmanager
async def revocations_ended(stage: Stage) -> AsyncIterator[None]:
    """The list of revoked certificates is replaced by one that ended yesterday, with SIGHUP."""
    async with _revocations(stage, -1):
        yield


@asynccontextmanager
async def _revocations(stage: Stage, until_days: float) -> AsyncIterator[None]:
    stage.terminal_papers.list_revoked(until_days=until_days)
    stage.reload()
    try:
        yield
    finally:
        stage.terminal_papers.list_revoked()
        stage.reload()


@asynccontextmanager
async def not_tls(stage: Stage) -> AsyncIterator[None]:
    """Somebody speaks HTTP to the terminals' port."""
    async with strangers(stage.port, 3, NOT_TLS, 0.5):
        yield


@asynccontextmanager
async def silent_strangers(stage: Stage) -> AsyncIterator[None]:
    """Two hundred connections say nothing, and come again when they are turned out."""
    async with strangers(stage.port, 200, b"", 0.01):
        yield


@asynccontextmanager
async def few_connections(stage: Stage) -> AsyncIterator[None]:
    """connections_max is set to less than there are terminals, with SIGHUP."""
    stage.settings["connections_max"] = 15
    stage.reload()
    try:
        yield
    finally:
        stage.settings["connections_max"] = 1_000
        stage.reload()


@asynccontextmanager
async def lines_cut(stage: Stage) -> AsyncIterator[None]:
    """Eighty terminals on a bad line: most of their requests are cut off before the answer."""
    async with trading(stage, MORE, rate_per_s=60, cut_off_share=0.8):
        yield


SWITCH: Final = (
    Fault("a worker killed each time it serves", killed_again_and_again, ("CityswitchWorkerRestarting",)),
    Fault("a worker frozen (SIGSTOP)", one_frozen, ("CityswitchWorkerDown",)),
    Fault("a worker without processor for 0.3 s, often", stuttering, ("CityswitchEventLoopStalled",)),
    Fault("the switch stopped", switch_stopped, ("CityswitchDown",)),
    Fault("a limit of 3 more descriptors than are open", few_descriptors, ("CityswitchFileDescriptorsLow",)),
    Fault("terminals with another one's key", wrong_keys, ("CityswitchSignOnsRefused",)),
    Fault("HTTP spoken to the terminals' port", not_tls, ("CityswitchHandshakesFailing",)),
    Fault("200 connections that say nothing", silent_strangers, ("CityswitchDoorwayFull",)),
    Fault(
        "connections_max below the terminals there are", few_connections, ("CityswitchConnectionsNearlyFull",)
    ),
    Fault("80 terminals on a line that is cut", lines_cut, ("CityswitchRepliesLost",)),
    Fault(
        "a certificate of ten days", certificate_ends_soon, ("CityswitchCertificateExpiring",), fire_s_max=180
    ),
    Fault("a certificate that has ended", certificate_ended, ("CityswitchCertificateExpired",)),
    Fault(
        "a list of revoked certificates of three days",
        revocations_end_soon,
        ("CityswitchRevocationsExpiring",),
        fire_s_max=180,
    ),
    Fault(
        "a list of revoked certificates that has ended", revocations_ended, ("CityswitchRevocationsExpired",)
    ),
)
