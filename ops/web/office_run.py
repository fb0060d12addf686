"""The office's site in this process: its socket, its pools, its letters.

Owns how these are put together. Must not know pages. Invariants: on anything but loopback it speaks TLS, or
stands behind a proxy that does; a cookie is Secure then.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.registry.secrets import MasterKey
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.invoices.sinks import FileSink, find_sink
from ops.web.application import Access
from ops.web.identity.mail import Mail
from ops.web.identity.notes import Notes
from ops.web.identity.passkeys import Relying
from ops.web.office_site import make_office_site
from ops.web.offices import open_offices
from ops.web.server import Tls, bind_site, serving_site, url_of
from switch.config import Config, is_loopback
from switch.metrics.scrape import Family
from switch.metrics.text import CONTENT_TYPE, write_text
from switch.wire.listener import PortInUse

HOST: Final = "127.0.0.1"
PORT: Final = 9181
TLS_PORT: Final = 443


@dataclass(frozen=True, kw_only=True)
class OfficeOptions:
    """Where the site listens, by which names it is known, which proxies are believed who asks."""

    host: str = HOST
    port: int = PORT
    names: Sequence[str] = ()
    proxies: Sequence[str] = ()
    contact: str = ""
    public: Path | None = None
    invoices: Path | None = None
    invoice_sink: str = FileSink.name
    """Where documents are sent to, by the name that `invoices make --sink` has for it."""
    origin: str = ""
    """Its address as people type it, for passkeys; empty: see `relying_of`."""
    metrics_port: int = 0
    """Where on loopback its counts are; 0: nowhere."""
    or_any: bool = False
    """Whether another port will do where that one is taken."""


@asynccontextmanager
async def running_office(config: Config, dsn: str, mail: Mail, options: OfficeOptions) -> AsyncIterator[str]:
    """Serve the site for as long as the block lasts; yield where: on loopback, without a proxy, by the very
    address that letters and passkeys have. `dsn`: the owner's; `mail`: by which its letters go.

    Raises `CommandError` for a site that others could reach unsealed, `PortInUse`, a `LedgerError` (for a
    sink of no such name, too).
    """
    tls = _tls(config) if not is_loopback(options.host) and not options.proxies else None
    folder = options.invoices or config.state_path / "invoices"
    find_sink(options.invoice_sink, folder)  # said now where there is none of that name
    master = MasterKey.load(config.master_key_path)
    async with open_offices(dsn, master) as offices:
        try:
            sock = bind_site(options.host, options.port)
        except PortInUse:
            if not options.or_any:
                raise
            sock = bind_site(options.host, 0)
        is_secure = tls is not None or bool(options.proxies)
        access = Access((options.host, *options.names), is_secure=is_secure)
        relying = relying_of(options, sock.getsockname()[1], is_secure=is_secure)
        url = url_of(sock, tls)
        address = relying.origin if relying else url.rstrip("/")
        app = make_office_site(
            offices,
            access,
            mail=mail,
            public=options.public or config.state_path / "public",
            sink_of=lambda code: find_sink(options.invoice_sink, folder / code),
            proxies=options.proxies,
            contact=options.contact,
            relying=relying,
            notes=(notes := Notes(offices.values())),
            address=address,
        )
        counts = _serving_counts(options.metrics_port, lambda: chain(notes.families(), mail.families()))
        async with mail.going(), counts, serving_site(app, sock, tls):
            yield url if is_secure else f"{address}/"


@asynccontextmanager
async def _serving_counts(port: int, read: Callable[[], Iterable[Family]]) -> AsyncIterator[None]:
    """Serve /metrics on loopback, apart from the site that everybody reaches."""
    if port == 0:
        yield
        return

    async def metrics(_request: Request) -> Response:
        return Response(write_text(read()), media_type=CONTENT_TYPE)

    async with serving_site(Starlette(routes=[Route("/metrics", metrics)]), bind_site(HOST, port)):
        yield


def relying_of(options: OfficeOptions, port: int, *, is_secure: bool) -> Relying | None:
    """Return as what passkeys know the site: by the address it was told; else by its first name and TLS
    (behind a proxy on TLS' own port); else, on loopback, as localhost. None where it has no name.

    Raises CommandError for an address that browsers know no passkeys by.
    """
    origin = options.origin
    if not origin and is_secure and options.names:
        own_port = "" if options.proxies or port == TLS_PORT else f":{port}"
        origin = f"https://{options.names[0]}{own_port}"
    elif not origin and not is_secure:
        origin = f"http://localhost:{port}"
    try:
        return Relying.of(origin) if origin else None
    except ValueError as error:
        raise CommandError(
            Exit.CONFIGURATION,
            f"{origin} can have no passkeys: {error}.",
            "Give --origin https://NAME, the address that people type.",
        ) from None


def _tls(config: Config) -> Tls:
    if not (config.tls_certificate and config.tls_key):
        raise CommandError(
            Exit.CONFIGURATION,
            "others than this machine would send their passwords unsealed.",
            "Set tls_certificate and tls_key, or stay on 127.0.0.1 behind a proxy: --proxy 127.0.0.1.",
        )
    return Tls(Path(config.tls_certificate), Path(config.tls_key))
