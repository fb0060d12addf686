"""The second factor: codes of time steps (RFC 6238), and recovery codes for who has lost the device.

Owns how a code is made and which are taken: the present step and one to either side. Must not know where the
secret is kept. Invariant: a step that was taken is not taken again (its caller keeps the last one).
"""

from __future__ import annotations

import hmac
import io
import secrets
from base64 import b32encode
from typing import Final
from urllib.parse import quote, urlencode

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from ops.web.identity.secrets import new_code

SECRET_BYTES: Final = 20
STEP_S: Final = 30
DIGITS: Final = 6
RECOVERY_CODES: Final = 8


def new_secret() -> bytes:
    """Return a fresh secret."""
    return secrets.token_bytes(SECRET_BYTES)


def code_at(secret: bytes, at_s: float) -> str:
    """Return the code of a moment."""
    return _totp(secret).generate(int(at_s)).decode()


def step_of(secret: bytes, typed: str, at_s: float) -> int | None:
    """Return the step that a typed code is of; None where it is of none that is taken now."""
    code = typed.replace(" ", "").replace("-", "")[:16]
    found = None
    for step in (int(at_s) // STEP_S + shift for shift in (-1, 0, 1)):
        if step > 0 and hmac.compare_digest(code_at(secret, step * STEP_S).encode(), code.encode()):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Return codes of one use each, to be shown once."""
    return [new_code() for _ in range(RECOVERY_CODES)]


def typed_secret(secret: bytes) -> str:
    """Return a secret as it is typed into an app: groups of four."""
    text = b32encode(secret).decode()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def uri(secret: bytes, issuer: str, name: str) -> str:
    """Return the address that an app reads from the picture."""
    label = quote(f"{issuer}:{name}")
    query = urlencode({"secret": b32encode(secret).decode(), "issuer": issuer, "digits": DIGITS})
    return f"otpauth://totp/{label}?{query}"


def picture(text: str) -> bytes:
    """Return a QR code (ISO/IEC 18004) of a text as SVG."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", scale=5, dark="#000", light="#fff", xmldecl=False
    )
    return out.getvalue()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303 RFC 6238's, and what every app can do
