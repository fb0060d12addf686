"""E-mail to people, as the pages send it: at once, by the way that notices go.

Owns how a page's letter becomes a message. Must not know what is told, nor by which way it goes. Invariant: a
letter that could not be sent raises `MailFailed`; nothing of it is logged.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import trio

from ledger.registry.contact import email_address
from ops.notices.channels import Channel, ChannelDown, Message, NotTaken

AT_A_TIME: Final = 4
"""So many letters are on their way at once; another one waits for its turn."""


class MailFailed(Exception):
    """The letter was not sent."""


class Mail:
    """What sends a page's letters: each by a way of its own, for a person waits for it."""

    def __init__(self, way: Callable[[], Channel]) -> None:
        self._way = way
        self._turn = trio.CapacityLimiter(AT_A_TIME)

    async def send(self, to: str, subject: str, text: str) -> None:
        """Send a letter. Raises MailFailed."""
        address = email_address(to)
        if not address:
            raise MailFailed("no address")
        channel = self._way()
        try:
            async with self._turn:
                await channel.send(Message(f"letter-{secrets.token_hex(8)}", address, subject, text))
        except (NotTaken, ChannelDown) as error:
            raise MailFailed(error.code) from None
        finally:
            with trio.CancelScope(shield=True):
                await channel.close()
