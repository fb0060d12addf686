"""The API in this process: its socket, its connections, its certificate.

Owns how these are put together. Must not know an operation. Invariant: tokens travel by TLS, or
whoever starts it says that a proxy has it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from ledger.registry.secrets import MasterKey
from ops.api.application import Api
from ops.api.tokens import RATE_DEFAULT
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.web.offices import open_offices
from ops.web.server import Tls, bind_site, serving_site, url_of

HOST: Final = "127.0.0.1"
PORT: Final = 9190


@dataclass(frozen=True, kw_only=True)
class ApiOptions:
    """Where the API listens, with which certificate, and how much one system may ask a second."""

    host: str = HOST
    port: int = PORT
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    rate: float = RATE_DEFAULT

    def tls(self) -> Tls | None:
        """Return the certificate. Raises `CommandError` where tokens would travel in the clear."""
        if (self.certificate is None) != (self.key is None):
            raise CommandError(
                Exit.USAGE, "certificate and key go together.", "Give --tls-certificate and --tls-key."
            )
        if self.certificate is not None and self.key is not None:
            return Tls(self.certificate, self.key)
        if not self.behind_proxy:
            raise CommandError(
                Exit.CONFIGURATION,
                "tokens would travel in the clear.",
                "Give --tls-certificate and --tls-key; or --behind-proxy, where a proxy has the certificate.",
            )
        return None


@asynccontextmanager
async def running_api(dsn: str, master: MasterKey, options: ApiOptions) -> AsyncIterator[str]:
    """Serve the API for as long as the block lasts; yield its address. `dsn`: of a login that is a member of
    the programmes' roles, or may make them: the owner's. Raises `CommandError`, and `PortInUse`.
    """
    tls = options.tls()
    sock = bind_site(options.host, options.port)
    url = url_of(sock, tls)
    try:
        async with open_offices(dsn, master) as offices:
            app = Api(offices, trio.current_time, options.rate).application()
            async with serving_site(app, sock, tls):
                yield url
    finally:
        sock.close()
