"""The wire as data: every message with its fields and their bounds, every result code, for the page.

Owns the translation of `protocol`'s declarations into JSON, so that no name and no number is typed twice.
Must not know a page. Invariant: what is not JSON's to carry (an integer past 2**53) is a string of digits.
"""

from __future__ import annotations

import typing
from typing import Any, Final

import msgspec
from msgspec import inspect

from protocol import (
    ENTRY_MODES_ALL,
    REPEAT_BIT,
    REPLY_BIT,
    REQUEST_OF,
    TYPE_OF,
    Check,
    EntryMode,
    ReportKind,
    ResultCode,
    is_signed_on,
    limits,
)
from protocol.catalogue import CATALOGUE
from protocol.messages import HANDSHAKE_OF
from simulators.till.exchange import STAN_SKIP_AFTER_LOSS, Patience
from simulators.till.posting import NEVER_GIVEN_UP, PostingRequest

EXACT_MAX: Final = 2**53 - 1
"""What a JavaScript number holds exactly."""
_POSTING: Final = frozenset(TYPE_OF[kind] for kind in typing.get_args(PostingRequest))

Type = dict[str, Any]


def wire_catalogue() -> dict[str, Any]:
    """Return all that a terminal must know of the wire beyond SPEC.md's rules."""
    patience = Patience()
    return {
        "version": limits.VERSION,
        "repeat_bit": REPEAT_BIT,
        "reply_bit": REPLY_BIT,
        "messages": {str(number): message for number, message in _messages().items()},
        "results": {
            str(int(code)): {
                "name": code.name,
                "class": str(code.result_class),
                "signs_on": is_signed_on(code),
                "pl": code.text_pl,
                "en": code.text_en,
            }
            for code in ResultCode
        },
        "entries": {str(int(mode)): mode.name for mode in EntryMode},
        "entries_all": ENTRY_MODES_ALL,
        "checks": {str(int(check)): check.name for check in Check},
        "reports": {str(int(kind)): kind.name for kind in ReportKind},
        "limits": {
            "frame_max": limits.FRAME_MAX,
            "frame_unauthenticated_max": limits.FRAME_UNAUTHENTICATED_MAX,
            "tag": limits.TAG_SIZE,
            "nonce": limits.NONCE_SIZE,
            "card_bytes": limits.CARD_BYTES_MAX,
            "card_digits": [limits.CARD_DIGITS_MIN, limits.CARD_DIGITS_MAX],
        },
        "patience": {
            "handshake_s": limits.HANDSHAKE_TIMEOUT_S,
            "reply_s": patience.reply_s,
            "tries_max": patience.tries_max,
            "window_s": patience.window_s,
            "pause_min_s": patience.pause_min_s,
            "pause_max_s": patience.pause_max_s,
            "echo_after_s": patience.echo_after_s,
            "stan_skip_after_loss": STAN_SKIP_AFTER_LOSS,
        },
    }


def _messages() -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {
        number: {
            "name": message.__name__.upper(),
            "kind": "handshake",
            "from": "switch" if number & REPLY_BIT else "terminal",
            "fields": _fields(message),
        }
        for number, message in HANDSHAKE_OF.items()
    }
    for number, request in REQUEST_OF.items():
        row = CATALOGUE[number]
        found[number] = {
            "name": row.name,
            "kind": "request",
            "from": "terminal",
            "iso": row.iso,
            "posts": number in _POSTING,
            "never_given_up": number in NEVER_GIVEN_UP,
            "fields": _fields(request),
        }
        found[number | REPLY_BIT] = {
            "name": row.name,
            "kind": "reply",
            "from": "switch",
            "fields": _fields(row.reply),
        }
    return found


def _fields(message: type[Any]) -> list[list[Any]]:
    info = inspect.type_info(message)
    assert isinstance(info, inspect.StructType)
    return [[field.encode_name, _type(field.type)] for field in info.fields]


def _type(info: inspect.Type) -> Type:  # noqa: PLR0911 - a case each
    """Return a field's type: {"int": [low, high]}, {"str": most bytes}, {"bin": [low, high]}, …"""
    match info:
        case inspect.IntType(ge=low, le=high) if low is not None and high is not None:
            return {"int": [_exact(low), _exact(high)]}
        case inspect.StrType(max_length=size, pattern=pattern):
            return {"str": size or 2, **({"pattern": _pattern(pattern)} if pattern else {})}
        case inspect.BytesType(min_length=low, max_length=high):
            return {"bin": [low or 0, high]}
        case inspect.ListType(item_type=item, min_length=low, max_length=high):
            return {"list": _type(item), "size": [low or 0, high]}
        case inspect.TupleType(item_types=items):
            return {"tuple": [_type(item) for item in items]}
        case inspect.UnionType(types=types):
            [some] = [each for each in types if not isinstance(each, inspect.NoneType)]
            return {"optional": _type(some)}
        case inspect.StructType(cls=message):
            return {"message": _fields(message)}
    raise AssertionError(f"the wire has no {info}")


def _exact(number: float) -> int | str:
    return int(number) if abs(number) <= EXACT_MAX else str(int(number))


def _pattern(pattern: str) -> str:
    """Return a pattern of the whole text as JavaScript writes it."""
    assert pattern.startswith(r"\A")
    assert pattern.endswith(r"\Z")
    return f"^{pattern[2:-2]}$"


def encoded() -> bytes:
    """Return it as the bytes of a JSON document."""
    return msgspec.json.encode(wire_catalogue())
