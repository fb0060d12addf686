"""What an e-mail is: one message to one address, with what every mail server asks of one.

Owns its headers. Must not know what it says, nor by which way it goes. Invariant: whatever goes by one way or
another has From, Date and Message-ID (RFC 5322, 3.6), so a folder's letters can be sent as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple

from ops.notices.channels import Message
from switch.clock import clock_ms


class From(NamedTuple):
    """Whom mail is from: an address, checked, and a name beside it."""

    address: str
    name: str = ""


def mail_of(message: Message, sender: From) -> bytes:
    """Return a message as it is sent."""
    mail = EmailMessage(policy=SMTP)
    local, _, host = message.to.rpartition("@")
    own, _, own_host = sender.address.rpartition("@")
    mail["From"] = Address(sender.name, own, own_host)
    mail["To"] = Address("", local, host)
    mail["Subject"] = " ".join(message.subject.split())
    mail["Date"] = format_datetime(datetime.fromtimestamp(clock_ms() / 1_000, UTC))
    mail["Message-ID"] = f"<{message.name}@{own_host}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    return mail.as_bytes()
