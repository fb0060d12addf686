"""Every bound of the wire: the largest of each message fits a frame, and one beyond any bound is refused."""

from typing import Any

import msgspec
import pytest

from protocol import REPLY_BIT, REPLY_OF, REQUEST_OF, limits
from protocol.fields import Message
from protocol.messages import decoder, encode
from tests.protocol.pair import open_pair

CLASSES: list[type[Message]] = list(dict.fromkeys([*REQUEST_OF.values(), *REPLY_OF.values()]))  # type: ignore[arg-type]
FIELDS = [(cls, name) for cls in CLASSES for name in cls.__struct_fields__]
PLAIN = {int: 0, str: "", bytes: b""}


def hints(cls: type[Message]) -> dict[str, Any]:
    """The types of the fields, bounds included."""
    return {field.name: field.type for field in msgspec.inspect.type_info(cls).fields}  # type: ignore[attr-defined]


def largest(kind: Any, *, beyond: int = 0) -> Any:
    """The value of most bytes a field may hold; `beyond` so much more of it."""
    match kind:
        case msgspec.inspect.IntType(ge=ge, le=le):
            return ge if ge is not None and not beyond and ge < -(le or 0) // 2 else (le + beyond)
        case msgspec.inspect.StrType(pattern=pattern, max_length=most):
            return "zz" + "z" * beyond if most is None and pattern else "a" * (most + beyond)
        case msgspec.inspect.BytesType(max_length=most):
            return b"b" * (most + beyond)
        case msgspec.inspect.ListType(item_type=item, max_length=most):
            return [largest(item)] * (most + beyond)
        case msgspec.inspect.TupleType(item_types=items):
            return tuple(map(largest, items))
        case msgspec.inspect.StructType(cls=cls):
            return largest_of(cls)
        case msgspec.inspect.UnionType(types=kinds):
            return largest(next(one for one in kinds if isinstance(one, msgspec.inspect.StructType)))
    raise AssertionError(f"a field without a bound: {kind}")


def largest_of(cls: type[Message]) -> Message:
    """The message of a class with every field at its largest."""
    return cls(**{name: largest(kind) for name, kind in hints(cls).items()})


@pytest.mark.parametrize("number", sorted(REPLY_OF), ids=hex)
def test_the_largest_of_each_message_fits_a_frame(number: int) -> None:
    """Whatever a request or its reply holds within its bounds, it goes through in one frame."""
    server, client = open_pair()
    request = largest_of(REQUEST_OF[number & ~REPLY_BIT])  # type: ignore[arg-type]
    frame = client.seal(request)  # type: ignore[arg-type]
    assert len(frame) <= limits.FRAME_MAX
    assert [received.message for received in server.receive(frame)] == [request]
    reply = largest_of(REPLY_OF[number])  # type: ignore[arg-type]
    frame = server.seal(reply, number & ~REPLY_BIT)  # type: ignore[arg-type]
    assert len(frame) <= limits.FRAME_MAX
    assert [received.message for received in client.receive(frame)] == [reply]


@pytest.mark.parametrize(("cls", "name"), FIELDS, ids=[f"{cls.__name__}.{name}" for cls, name in FIELDS])
def test_a_field_beyond_its_bound_is_refused(cls: type[Message], name: str) -> None:
    """One more than the largest number, one byte more of a text, one more in a list: the body is not read."""
    kind = hints(cls)[name]
    if isinstance(kind, msgspec.inspect.UnionType):
        return  # a message of its own, whose fields have their own cases
    values = [getattr(largest_of(cls), one) for one in cls.__struct_fields__]
    values[cls.__struct_fields__.index(name)] = largest(kind, beyond=1)
    with pytest.raises((msgspec.MsgspecError, OverflowError)):
        decoder(cls)(encode(values))
