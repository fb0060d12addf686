"""How a document names a moment: in universal time, to the minute, so that it reads the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_of(at_ms: int) -> str:
    """Return a moment (ms since 1970) as "2026-12-01 00:05 UTC"."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
