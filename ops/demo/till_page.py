"""The terminal in the browser before a demo's switch: which of the demo's cities it knows, where the page is.

Owns the refusals. Must not know the page (`simulators.browser`). Invariants: the switch is on this machine,
and lets the demo's terminals in by their development keys; before any other the page is not served.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.program import called_as, project_version
from simulators.browser import server
from simulators.browser.catalogue import encoded
from simulators.browser.guide import guide, page_identity
from simulators.city.example import CITIES, City
from simulators.errors import RefusedBySwitch
from simulators.till.channel import Address, Connector, connector
from simulators.till.link import Link
from switch.config import is_loopback
from switch.wire.listener import PortInUse

ANY_PORT: Final = 0


async def known_cities(connect: Connector, cities: Sequence[City] = CITIES) -> list[City]:
    """Return the cities of whose page the switch knows the key. Raises CannotConnect and LinkLost."""
    found = []
    for city in cities:
        try:
            link = await Link.open(connect, page_identity(city))
        except RefusedBySwitch:
            continue
        link.close()
        found.append(city)
    return found


@asynccontextmanager
async def till_page(
    address: Address, port: int, *, or_any: bool = False, cities: Sequence[City] = CITIES
) -> AsyncIterator[str]:
    """Serve the page for the switch at `address` while the block lasts; yield the page's own address.

    `or_any`: on a free port where `port` is taken. Raises `CommandError`, `PortInUse`, TerminalError.
    """
    if not is_loopback(address.host):
        raise CommandError(
            Exit.CONFIGURATION,
            f"{address.host} is not this machine: the page is for development, and shows keys and cards.",
            f"Start a switch here with `{called_as()} up`.",
        )
    connect = connector(address)
    known = await known_cities(connect, cities)
    if not known:
        raise CommandError(
            Exit.CONFIGURATION,
            f"the switch at {address} is no demo's: it knows no terminal by its development key.",
            f"Start one with `{called_as()} up`; `{called_as()} terminal` takes keys of your own.",
        )
    documents = {
        "/wire.json": encoded(),
        "/till.json": guide(known, f"cityswitch {project_version()} page", datetime.now(UTC).date()),
    }
    async with server.serving_page(connect, documents, _bind(port, or_any=or_any)) as url:
        yield url


def _bind(port: int, *, or_any: bool) -> socket.socket:
    try:
        return server.bind(port)
    except OSError as error:
        if or_any:
            return server.bind(ANY_PORT)
        raise PortInUse(
            f"cannot listen on {server.HOST}:{port}: {error.strerror}."
            " Stop what holds it, or choose another with --port."
        ) from None
