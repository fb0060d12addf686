"""E-mail to people, as the pages send it: an interface, and the one that writes files.

Owns the shape and the file sink. Must not know what is told. Invariant: a letter that could not be sent
raises `MailFailed`; nothing of it is logged.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import trio


class MailFailed(Exception):
    """The letter was not sent."""


class Mail(Protocol):
    """What sends a letter."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Send it. Raises MailFailed."""


@dataclass(frozen=True)
class FileSink:
    """Keeps each letter as a file of its owner's alone."""

    folder: Path

    async def send(self, to: str, subject: str, text: str) -> None:
        """Write it down. Raises MailFailed."""
        letter = EmailMessage()
        try:
            letter["To"], letter["Subject"] = to, subject
            letter.set_content(text)
            await trio.to_thread.run_sync(self._write, letter.as_bytes())
        except (OSError, ValueError) as error:
            raise MailFailed(type(error).__name__) from None

    def _write(self, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{secrets.token_hex(8)}.eml"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
