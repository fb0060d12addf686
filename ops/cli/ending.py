"""When a command that serves ends: at a signal, or with whoever started it.

Owns the waiting. Must not know what is served.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator

import trio


async def until_end(signals: AsyncIterator[int], *, until_eof: bool) -> None:
    """Wait for a signal, or (`until_eof`) for the end of standard input: of whoever started us."""
    async with trio.open_nursery() as nursery:

        async def wait_for_parent() -> None:
            async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as parent:
                while await parent.receive_some():
                    pass
            nursery.cancel_scope.cancel()

        if until_eof:
            nursery.start_soon(wait_for_parent)
        async for _ in signals:
            break
        nursery.cancel_scope.cancel()
