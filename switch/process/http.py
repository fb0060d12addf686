"""HTTP beside the switch: /metrics, /healthz and /readyz of one worker.

Owns the three pages. Must not change anything in the switch. /healthz answers while the worker's event loop
turns; /readyz names each dependency and fails with 503 when one of them does.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import cast

import structlog
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio import serve as hypercorn_serve
from hypercorn.typing import ASGIFramework
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from switch.metrics import Meters, SwitchCollector
from switch.wire.listener import PortInUse

log = structlog.get_logger()

RESTART_S = 0.5
GRACE_S = 0.5

Check = Callable[[], str | None]


def make_application(meters: Meters, checks: Mapping[str, Check]) -> Starlette:
    """Build the application. A check returns None when all is well, else one line that says why not."""
    registry = CollectorRegistry()
    registry.register(SwitchCollector(meters))

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        problems = {name: problem for name, check in checks.items() if (problem := check()) is not None}
        body = {
            "ready": not problems,
            "checks": {name: problems.get(name, "ok") for name in checks},
        }
        return JSONResponse(body, status_code=503 if problems else 200)

    return Starlette(
        routes=[Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)]
    )


def bind_http(host: str, port: int) -> socket.socket:
    """Bind the socket of the pages; port 0 takes any free one. Raises `PortInUse`."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise PortInUse(
            f"cannot listen for HTTP on {host}:{port}: {error.strerror}."
            " Stop what holds it, or choose another with --http-port."
        ) from None
    return sock


async def serve_http(application: Starlette, sock: socket.socket, stop: trio.Event) -> None:
    """Serve until `stop`; a fault of the HTTP server is logged and mended by starting it again."""
    settings = HypercornConfig()
    settings.accesslog = None
    settings.errorlog = None
    settings.graceful_timeout = GRACE_S
    with sock:
        while not stop.is_set():
            settings.bind = [f"fd://{os.dup(sock.fileno())}"]  # the server closes the descriptor it is given
            try:
                await hypercorn_serve(cast(ASGIFramework, application), settings, shutdown_trigger=stop.wait)
            except Exception as error:  # task boundary
                log.error("http_failed", exc_info=error)
                await trio.sleep(RESTART_S)
