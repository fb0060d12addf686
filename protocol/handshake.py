"""The four messages of the handshake: plain frames, before anybody is believed.

Owns their fields; must not know how they are proved (`server`, `client`).
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol import limits
from protocol.fields import Mac, Message, Nonce, SessionId, Version


class Hello(Message, frozen=True):
    """Terminal: versions spoken, who it claims to be, which generation of its key, and a fresh nonce."""

    versions: Annotated[list[Version], Meta(min_length=1, max_length=limits.VERSIONS_MAX)]
    terminal: Annotated[int, Meta(ge=1, le=limits.TERMINAL_MAX)]
    generation: Annotated[int, Meta(ge=1, le=limits.GENERATION_MAX)]
    nonce: Nonce


class Challenge(Message, frozen=True):
    """Switch: the version chosen, the session's name, and a fresh nonce; the same for unknown terminals."""

    version: Version
    session_id: SessionId
    nonce: Nonce


class Proof(Message, frozen=True):
    """Terminal: HMAC-SHA256(client finish, T1)."""

    mac: Mac


class Accept(Message, frozen=True):
    """Switch: HMAC-SHA256(server finish, T2)."""

    mac: Mac
