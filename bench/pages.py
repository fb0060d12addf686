"""Reads a worker's HTTP pages as a monitoring system would: one value of /metrics, and /readyz.

Owns the parsing. Must not know what the values are for. Blocking: call it from a thread.
"""

from __future__ import annotations

import http.client
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 2.0
OK: Final = 200


class PageError(Exception):
    """A page could not be read, or does not hold the value."""


def get(url: str, path: str, *, timeout_s: float = TIMEOUT_S) -> tuple[int, str]:
    """Return status and text of a page of the worker at `url`. Raises `PageError`."""
    status, body = fetch(url, path, timeout_s=timeout_s)
    return status, body.decode()


def fetch(url: str, path: str, accept: str = "*/*", *, timeout_s: float = TIMEOUT_S) -> tuple[int, bytes]:
    """Return status and bytes of a page, in a format that is asked for. Raises `PageError`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Connection": "close", "Accept": accept})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise PageError(f"{url}{path}: {error}") from None
    finally:
        connection.close()


def is_ready(url: str) -> bool:
    """Return whether /readyz of a worker says ready; a worker that does not answer is not."""
    try:
        status, _ = get(url, "/readyz")
    except PageError:
        return False
    return status == OK


def metric(url: str, name: str) -> float:
    """Return the value of an unlabelled metric of a worker. Raises `PageError`."""
    status, text = get(url, "/metrics")
    if status == OK:
        for line in text.splitlines():
            found, _, value = line.partition(" ")
            if found == name:
                return float(value)
    raise PageError(f"{url}/metrics: no {name}")
