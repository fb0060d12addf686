"""A real mail server on loopback, in a thread: what it took, and what it answers to certain recipients."""

import asyncio
import email
import socket
import ssl
from collections.abc import Awaitable
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession

from tests.patience import HANG_S

ANSWERS = {
    "later": "451 4.3.0 try again",
    "never": "550 5.1.1 no such user never@example.org",
    "full": "552 5.2.2 the mailbox is full",
    "policy": "550 5.7.1 relaying denied",
}
USER, PASSWORD = "cityswitch", "correct horse"


class Mailbox:
    """Takes messages, but for recipients whose local part is one of ANSWERS."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.slow_s = 0.0

    async def handle_RCPT(
        self, _s: SMTP, _e: SmtpSession, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        answer = ANSWERS.get(address.partition("@")[0])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, _s: SMTP, _e: SmtpSession, envelope: Envelope) -> str:
        content = cast(bytes, envelope.content)
        self.messages.append(cast(EmailMessage, email.message_from_bytes(content, policy=default)))
        self.recipients.append(list(envelope.rcpt_tos))
        await asyncio.sleep(self.slow_s)
        return "250 OK"

    def names(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.messages]


def mail_server(mailbox: Mailbox, certificate: tuple[Path, Path] | None = None) -> Controller:
    """Return a server on a free port of 127.0.0.1; with a certificate it wants STARTTLS and a log-in."""
    more: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, certificate))

        def is_let_in(_s: Any, _e: Any, _v: Any, _m: str, data: Any) -> AuthResult:
            right = LoginPassword(USER.encode(), PASSWORD.encode())
            return AuthResult(success=data == right, handled=False)

        more = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": is_let_in,
        }
    # A loop of its own kind: the one asyncio would make by itself here is trio_asyncio's.
    return _Server(mailbox, loop=asyncio.SelectorEventLoop(), ready_timeout=HANG_S, **more)


class _Server(Controller):
    """Has its port from its making on: nobody else can take it before it listens."""

    def __init__(self, handler: Mailbox, **more: Any) -> None:
        self._bound = socket.create_server(("127.0.0.1", 0))
        super().__init__(handler, hostname="127.0.0.1", port=self._bound.getsockname()[1], **more)

    def _create_server(self) -> Awaitable[asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._bound, ssl=self.ssl_context)


def port_of(server: Controller) -> int:
    """Return the port it listens on."""
    return int(server.port)
