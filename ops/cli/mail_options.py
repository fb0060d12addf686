"""The options of mail: by which server it goes, or into which folder, and from whom it is.

Owns the options, which all commands that send mail share. Must not know what is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Group, Parameter

from ledger.registry.contact import email_address
from ops.cli.bounds import between
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.notices.channels import Channel
from ops.notices.mail import From
from ops.notices.mail_folder import MailFolder
from ops.notices.smtp import Security, Smtp, SmtpChannel, read_password

TEXT_MAX: Final = 200
NOBODY: Final = "cityswitch@localhost"
"""Whom a folder's letters are from where nobody is named."""


@Parameter(name="*", group=Group("Mail", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class MailOptions:
    """By which mail server, or into which folder, and from whom."""

    smtp_host: Annotated[str, Parameter(help="Mail server.")] = ""
    smtp_port: Annotated[
        int, Parameter(help="Its port (0: 587, with tls 465).", validator=between(0, 65_535))
    ] = 0
    smtp_security: Annotated[
        Literal["starttls", "tls", "none"], Parameter(help="none: to this machine only.")
    ] = "starttls"
    smtp_user: Annotated[str, Parameter(help="User there, if it asks for one.")] = ""
    smtp_password_file: Annotated[
        Path | None, Parameter(help="File with the user's password: one line, chmod 600.")
    ] = None
    smtp_ca_file: Annotated[
        Path | None, Parameter(help="Certificates that vouch for the server; else the system's.")
    ] = None
    mail: Annotated[
        Path | None,
        Parameter(help="Folder for letters, instead of a server: somebody else has to send what lies there."),
    ] = None
    from_: Annotated[str, Parameter(name="--from", help="Address the mail is from.")] = ""
    from_name: Annotated[str, Parameter(help="Name beside it.")] = ""

    def way(self) -> Callable[[], Channel] | None:
        """Return what makes a way by e-mail; None where neither server nor folder is named.

        Raises `CommandError`.
        """
        if self.smtp_host and self.mail is not None:
            raise CommandError(
                Exit.USAGE, "mail goes by a server or into a folder.", "Give --smtp-host or --mail, not both."
            )
        if self.mail is not None:
            folder, sender = self.mail, self._sender(self.from_ or NOBODY)
            return lambda: MailFolder(folder, sender)
        if not self.smtp_host:
            return None
        smtp = self._smtp()
        return lambda: SmtpChannel(smtp)

    def _sender(self, text: str) -> From:
        address = email_address(text)
        texts = (self.smtp_host, self.smtp_user, self.from_name)
        if not address or not all(text.isprintable() and len(text) <= TEXT_MAX for text in texts):
            raise CommandError(
                Exit.USAGE,
                "mail needs a sender's address, and texts of one line.",
                "Name it: --from karta@example.org.",
            )
        return From(address, self.from_name)

    def _smtp(self) -> Smtp:
        sender = self._sender(self.from_)
        if bool(self.smtp_user) != bool(self.smtp_password_file):
            raise CommandError(
                Exit.USAGE, "user and password go together.", "Give --smtp-user and --smtp-password-file."
            )
        security = Security(self.smtp_security)
        smtp = Smtp(
            host=self.smtp_host,
            port=self.smtp_port or (465 if security is Security.TLS else 587),
            sender=sender,
            security=security,
            user=self.smtp_user,
            password=read_password(self.smtp_password_file) if self.smtp_password_file else "",
            ca_file=self.smtp_ca_file,
        )
        smtp.check()
        return smtp


NO_MAIL: Final = MailOptions()
