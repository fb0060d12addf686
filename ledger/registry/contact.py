"""Where somebody can be reached: what is an e-mail address, and what a telephone number.

Owns both, for whatever is kept of a person and whatever is sent. Pure. Invariant: an address is one address
in plain characters: nothing in it can begin another header, another recipient or another command.
"""

import re
from typing import Final

from ledger.phrase import Phrase

EMAIL_CHARACTERS_MAX: Final = 254
"""Of an address: a path of SMTP has 256 octets with its brackets (RFC 5321, 4.5.3.1.3)."""
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL: Final = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"({_LABEL}\.)*{_LABEL}")
_PHONE: Final = re.compile(r"\+?[1-9][0-9]{8,14}")
_NOT_FIGURES: Final = re.compile(r"[ ()./-]")


def phone_fault(text: str) -> str:
    """Return why a text is no telephone number; "" for one, and for none at all."""
    return Phrase("is no telephone number") if text and not phone_number(text) else ""


def email_fault(text: str) -> str:
    """Return why a text is nobody's e-mail address; "" for one, and for none at all. Of one that can be sent
    to (`email_address`) a person's names a domain besides, and no host of a net of one's own.
    """
    is_one = "." in email_address(text).rpartition("@")[2] and text == text.strip()
    return Phrase("is no e-mail address") if text and not is_one else ""


def email_address(text: str) -> str:
    """Return an e-mail address as it may be sent to, a name of a host in letters of its own encoded; "" for
    what is none.
    """
    local, _, host = text.strip().rpartition("@")
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return ""
    is_one = len(local) <= 64 and len(host) <= 253 and _LOCAL.fullmatch(local) and _HOST.fullmatch(host)
    return f"{local}@{host}" if is_one else ""


def phone_number(text: str) -> str:
    """Return a telephone number in figures, with the country's; "" for what is none."""
    figures = re.sub("^00", "+", _NOT_FIGURES.sub("", text))
    if not _PHONE.fullmatch(figures):
        return ""
    return figures if figures.startswith("+") else f"+48{figures}" if len(figures) == 9 else f"+{figures}"
