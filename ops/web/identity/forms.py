"""Forms: read once, within bounds, and only where they are of the session that they came with.

Owns the reading of what is posted and the check of its field `csrf`. Must not know what a form is for.
Invariants: no page gets a POST whose field is not its session's; no more than the bound of a path is read,
in no more than `FORM_S_MAX`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

import trio
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from ledger.registry.bounds import PRINTABLE, is_readable, plain_text, text_fault
from ops.web.fields import FieldRefused
from ops.web.identity.secrets import csrf_of

FORM_BYTES_MAX: Final = 65_536
PASSED_OVER_BYTES_MAX: Final = 32_000_000
FORM_S_MAX: Final = 60.0
FIELDS_MAX: Final = 200
FILES_MAX: Final = 12
CHOICES_MAX: Final = 64
FIELD_BYTES_MAX: Final = 32_768
KINDS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


def form_of(request: Request) -> FormData:
    """Return the form that was posted; its field `csrf` was right."""
    form: FormData = request.state.form
    return form


def text_of(form: FormData, name: str, most: int = 200, *, lines: bool = False) -> str:
    """Return a field as `plain_text` without spaces around it; an empty one where it is absent. Raises
    `FieldRefused` for one that is too long, or holds characters nobody sees (`lines`: it is written to be
    read, and may have breaks of lines and joined emoji), 400 for a file.
    """
    value = form.get(name, "")
    if not isinstance(value, str):
        raise HTTPException(400)
    text = plain_text(value.replace("\r\n", "\n")).strip()
    why = text_fault(text, most, least=0)
    if why and not (lines and why == PRINTABLE and is_readable(text)):
        raise FieldRefused(name, why)
    return text


def choices_of(form: FormData, name: str) -> list[str]:
    """Return what is ticked of a field's choices, each once. Raises 400 for what no browser sends."""
    found = [each for each in form.getlist(name) if isinstance(each, str)]
    if len(found) > CHOICES_MAX or any(len(each) > 32 or not each.isprintable() for each in found):
        raise HTTPException(400)
    return list(dict.fromkeys(found))


def bytes_max(path: str, uploads: Mapping[str, int]) -> int:
    """Return how much may be posted to a path."""
    return max((most for begin, most in uploads.items() if path.startswith(begin)), default=FORM_BYTES_MAX)


async def read_form(request: Request, token: str, most: int) -> FormData:
    """Return the form of a request, its field `csrf` being that of the token. Raises HTTPException."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in KINDS:
        raise HTTPException(400)
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 12 or int(length) > most:
        await _pass_over(request)
        raise HTTPException(413)
    bounded = Request(request.scope, _bounded(request.receive, most))
    with trio.move_on_after(FORM_S_MAX):
        form = await _read(bounded)
        given = form.get("csrf", "")
        if isinstance(given, UploadFile) or not hmac.compare_digest(given.encode(), csrf_of(token).encode()):
            await form.close()
            raise HTTPException(400)
        return form
    raise HTTPException(408)


async def _read(request: Request) -> FormData:
    """Return the form of a request. Raises 400 for one that is broken, has too many parts, or holds halves of
    characters, which some charsets can say and nothing can store.
    """
    try:
        form = await request.form(max_files=FILES_MAX, max_fields=FIELDS_MAX, max_part_size=FIELD_BYTES_MAX)
    except (MultiPartException, FormParserError, UnicodeError):  # the last: of a charset that is none
        raise HTTPException(400) from None
    try:
        for name, value in form.multi_items():
            f"{name}{value if isinstance(value, str) else value.filename}".encode()
    except UnicodeError:
        await form.close()
        raise HTTPException(400) from None
    return form


async def _pass_over(request: Request) -> None:
    """Read what is sent without keeping it, up to a bound: who still sends does not hear an answer."""
    left = PASSED_OVER_BYTES_MAX
    with trio.move_on_after(FORM_S_MAX):
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                left -= len(chunk)
                if left < 0:
                    return


def _bounded(receive: Receive, most: int) -> Receive:
    left = most

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return bounded
