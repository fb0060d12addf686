"""E-mail as files: each letter one, whole as it would be sent, for whoever sends or reads it there.

Owns the folder. Must not know what a letter says. Invariants: a letter is its owner's alone to read; it is
there whole or not at all; the same one once more takes the place of the first.
"""

from __future__ import annotations

import os
from pathlib import Path

import trio

from ops.notices.channels import ChannelDown, Message
from ops.notices.mail import From, mail_of


class MailFolder:
    """Keeps letters in a folder, which it makes where there is none."""

    def __init__(self, folder: Path, sender: From) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, message: Message) -> None:
        """Write it down, through to the disk. Raises ChannelDown."""
        try:
            await trio.to_thread.run_sync(self._write, message.name, mail_of(message, self._sender))
        except OSError as error:
            raise ChannelDown(f"folder {(error.strerror or 'unwritable').lower()[:30]}") from error

    def _write(self, name: str, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{name}.eml"
        beside = path.with_suffix(".part")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)

    async def close(self) -> None:
        """Nothing stays open."""
