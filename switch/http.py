"""HTTP beside the switch: /metrics, /healthz and /readyz of one worker.

Owns the three pages. Must not change anything in the switch. /healthz answers while the worker's event loop
turns; /readyz names each dependency and fails with 503 when one of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio import serve as hypercorn_serve
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from switch.metrics import Meters, SwitchCollector

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


async def serve_http(
    application: Starlette,
    host: str,
    port: int,
    *,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; reports the bound addresses. Raises OSError when the port is taken."""
    settings = HypercornConfig()
    settings.bind = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]
    settings.accesslog = None
    settings.errorlog = None
    settings.graceful_timeout = 1.0
    async with trio.open_nursery() as nursery:
        addresses = await nursery.start(hypercorn_serve, application, settings)
        task_status.started(addresses)
