"""By what a notice goes: the plug every way of sending is one of, and the file that stands for one.

Owns the shape of a message, and how sending fails. Must not know why something is sent, nor what is an
address (`ledger.registry.contact`).
"""

from __future__ import annotations

import errno
import importlib
import os
from pathlib import Path
from typing import Protocol, cast

import msgspec
import trio

from ops.errors import CommandError
from ops.exit_codes import Exit


class Message(msgspec.Struct, frozen=True):
    """What is sent: `name` is the same whenever the same notice is sent again."""

    name: str
    to: str
    subject: str
    text: str


class NotTaken(Exception):
    """This message was not taken; `code` says why in a word and holds nothing of the person."""

    def __init__(self, code: str, *, for_good: bool) -> None:
        super().__init__(code)
        self.code = code
        self.for_good = for_good


class ChannelDown(Exception):
    """Nothing can be sent by this way now: the server is away, or does not let us in."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Channel(Protocol):
    """A way of sending. One at a time sends by it."""

    async def send(self, message: Message) -> None:
        """Return once it was taken. Raises NotTaken or ChannelDown."""

    async def close(self) -> None:
        """Let go of what is open, after a turn; the next `send` opens it again."""


class FileChannel:
    """Writes each message as a line of JSON to a file, through to the disk, for whoever fetches it there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, message: Message) -> None:
        """Append one line."""
        try:
            await trio.to_thread.run_sync(self._append, msgspec.json.encode(message) + b"\n")
        except OSError as error:
            raise ChannelDown(f"file {(error.strerror or 'unwritable').lower()[:30]}") from error

    def _append(self, line: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if (written := os.write(file, line)) != len(line):
                os.ftruncate(file, os.fstat(file).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        finally:
            os.close(file)

    async def close(self) -> None:
        """Nothing stays open."""


def load_plug(name: str) -> Channel:
    """Return what `package.module:factory` makes: a way of sending of the operator's own.

    Raises `CommandError` where there is none.
    """
    module, colon, factory = name.partition(":")
    try:
        if not colon:
            raise ValueError("it names no factory")
        plug = getattr(importlib.import_module(module), factory)()
    except Exception as error:  # another's code: whatever it is, it is not usable
        raise CommandError(
            Exit.CONFIGURATION,
            f"the plug cannot be loaded: {type(error).__name__}.",
            "Name it as package.module:factory; factory() returns what has `send` and `close`.",
        ) from None
    return cast(Channel, plug)
