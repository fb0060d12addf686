"""E-mail by SMTP: one connection for a turn's messages, in a thread, with a time limit for every step.

Owns the connection and what each answer of the server means. Must not know what a message says. Invariants:
name, password and messages travel by TLS whose certificate was checked, but on loopback; nothing a server
says goes further, for it may repeat an address: only its number does; a message has one recipient.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import trio

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.notices.channels import ChannelDown, Message, NotTaken
from ops.notices.mail import From, mail_of
from switch.config import is_loopback

STEP_S_MAX: Final = 15.0
"""Of one step of a conversation: connecting, a command, a message."""
PASSWORD_CHARACTERS_MAX: Final = 512
NOT_FOR_GOOD: Final = (530, 535, 538, 552)
"""Log-in wanted, refused, or wanted by TLS; the mailbox is full."""


class Security(StrEnum):
    """How a connection is protected."""

    STARTTLS = "starttls"
    """In the clear first, then TLS, or nothing is sent (port 587)."""
    TLS = "tls"
    """From the first byte (port 465)."""
    NONE = "none"
    """Not at all: to this machine only."""


@dataclass(frozen=True, kw_only=True)
class Smtp:
    """A mail server, and whom its mail is from."""

    host: str
    port: int
    sender: From
    security: Security = Security.STARTTLS
    user: str = ""
    password: str = ""
    ca_file: Path | None = None

    def check(self) -> None:
        """Raise `CommandError` for what would send in the clear over a network."""
        if self.security is Security.NONE and not is_loopback(self.host):
            raise CommandError(
                Exit.CONFIGURATION,
                f"to {self.host} mail would travel in the clear.",
                "Leave --smtp-security at starttls, or name tls; none is for a server on 127.0.0.1.",
            )


class SmtpChannel:
    """Sends by one mail server."""

    def __init__(self, smtp: Smtp, *, step_s_max: float = STEP_S_MAX) -> None:
        self._smtp = smtp
        self._step_s_max = step_s_max
        self._open: smtplib.SMTP | None = None

    async def send(self, message: Message) -> None:
        """Return once the server has taken it. Raises NotTaken or ChannelDown."""
        await trio.to_thread.run_sync(self._send, message)

    async def close(self) -> None:
        """Take leave of the server."""
        await trio.to_thread.run_sync(self._close)

    def _send(self, message: Message) -> None:
        connection = self._open or self._connect()
        self._open = connection
        try:
            refused = connection.sendmail(
                self._smtp.sender.address, [message.to], mail_of(message, self._smtp.sender)
            )
        except smtplib.SMTPRecipientsRefused as error:
            code, said = error.recipients[message.to]
            raise NotTaken(f"smtp {code}", for_good=_is_for_good(code, said)) from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPNotSupportedError) as error:
            self._drop()
            raise ChannelDown(f"sender {getattr(error, 'smtp_code', 'refused')}") from None
        except smtplib.SMTPDataError as error:
            is_for_good = _is_for_good(error.smtp_code, error.smtp_error)
            raise NotTaken(f"smtp {error.smtp_code}", for_good=is_for_good) from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self._drop()
            raise ChannelDown(_code_of(error)) from None
        if refused:
            raise NotTaken("smtp refused", for_good=True)

    def _connect(self) -> smtplib.SMTP:
        smtp = self._smtp
        connection: smtplib.SMTP | None = None
        try:
            context = ssl.create_default_context(cafile=str(smtp.ca_file) if smtp.ca_file else None)
            if smtp.security is Security.TLS:
                connection = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=self._step_s_max, context=context)
            else:
                connection = smtplib.SMTP(smtp.host, smtp.port, timeout=self._step_s_max)
            if smtp.security is Security.STARTTLS:
                connection.starttls(context=context)
            if smtp.user:
                connection.login(smtp.user, smtp.password)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if connection is not None:
                connection.close()
            raise ChannelDown(_code_of(error)) from None
        return connection

    def _drop(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _close(self) -> None:
        if self._open is not None:
            _quietly(self._open.quit)
        self._drop()


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except (smtplib.SMTPException, OSError):
        return


def _is_for_good(code: int, said: bytes | str) -> bool:
    """Whether the server will never take it: a full mailbox may be emptied, and what its policy forbids or
    our log-in lacks (RFC 3463, X.7.X) an operator may mend.
    """
    is_policy = (said if isinstance(said, str) else said.decode("latin-1")).startswith("5.7.")
    return 500 <= code < 600 and code not in NOT_FOR_GOOD and not is_policy


def _code_of(error: Exception) -> str:
    """Return what went wrong in a word or two, without what the server said."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"smtp {error.smtp_code}"
    if isinstance(error, ssl.SSLError):
        return "tls failed"
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "no answer in time"
    if isinstance(error, UnicodeError):
        return "name or password not in ASCII"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "no starttls or login there"
    return "connection lost" if isinstance(error, smtplib.SMTPException) else "no connection"


def read_password(path: Path) -> str:
    """Return the password of a file: its one line, closed to others. Raises `CommandError`."""
    try:
        is_open = path.stat().st_mode & 0o027
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise CommandError(
            Exit.CONFIGURATION, f"{path} cannot be read.", "Name a file that holds the password."
        ) from None
    if is_open or not 1 <= len(password) <= PASSWORD_CHARACTERS_MAX or not password.isprintable():
        raise CommandError(
            Exit.CONFIGURATION,
            f"{path} is open to others, or holds no password.",
            f"One line in it, and: chmod 600 {path}",
        )
    return password
