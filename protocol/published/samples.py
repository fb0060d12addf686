"""A sample of any message, from the declared types of its fields alone: what the vectors show of a new one.

Owns the choice of the values. Knows no message. Invariant: a sample is what the decoder of its class reads.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from protocol.fields import Message
from protocol.published.vector_cases import CARD, TIME, TIME_MS

M = TypeVar("M", bound=Message)

_BY_NAME = {"terminal_time": TIME, "card": CARD, "server_time_ms": TIME_MS, "language": "pl"}
"""Where a value of the right type would still be a strange one."""
_INTEGER = 7


def _value(type_: inspect.Type) -> Any:
    match type_:
        case inspect.IntType():
            least = type_.ge if type_.ge is not None else -_INTEGER
            most = type_.le if type_.le is not None else _INTEGER
            return max(least, min(_INTEGER, most))
        case inspect.StrType():
            return "a"[: type_.max_length]
        case inspect.BytesType():
            return bytes(type_.min_length or 0)
        case inspect.UnionType():
            return None
        case _:
            return []


def sample(message: type[M]) -> M:
    """Return a message of the class; raises msgspec.ValidationError where a type wants more than that."""
    shape = inspect.type_info(message)
    assert isinstance(shape, inspect.StructType)
    values = [_BY_NAME.get(field.name, _value(field.type)) for field in shape.fields]
    return msgspec.convert(values, message)
