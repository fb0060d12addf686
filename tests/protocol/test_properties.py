"""Properties of the codec: any message makes the round trip; no bytes, however cut, raise the undeclared."""

from itertools import pairwise
from typing import Any

import msgspec
import msgspec.inspect
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import (
    ENTRY_MODES_ALL,
    REPEAT_BIT,
    REPLY_BIT,
    REPLY_OF,
    REQUEST_OF,
    EntryMode,
    ReportKind,
    SignOnReply,
    StatusReply,
    TransactionReply,
    encode_request,
    limits,
    request_digest,
)
from protocol.messages import decoder, encode
from protocol.published.samples import sample
from protocol.published.vector_cases import opening, sealed
from tests.protocol.pair import new_client, new_server, open_pair, outcome

# Bounds are on the field types; texts to the terminal are counted in bytes, so ASCII fills them exactly.
INTEGERS: dict[str, tuple[int, int]] = {
    "stan": (1, limits.STAN_MAX),
    "original_stan": (1, limits.STAN_MAX),
    "stan_from": (1, limits.STAN_MAX),
    "stan_to": (1, limits.STAN_MAX),
    "last_stan": (0, limits.STAN_MAX),
    "terminal_time": (0, limits.TERMINAL_TIME_MAX),
    "amount": (-limits.AMOUNT_WIRE_MAX, limits.AMOUNT_WIRE_MAX),
    "tier": (-limits.AMOUNT_WIRE_MAX, limits.AMOUNT_WIRE_MAX),
    "entry": (min(EntryMode), max(EntryMode)),
    "entries": (0, ENTRY_MODES_ALL),
    "offers_after": (0, limits.OFFER_MAX),
    "offers_next": (0, limits.OFFER_MAX),
    "advice_age_max_days": (0, limits.COUNT_MAX),
    "discount_grosze": (limits.INT64_MIN, limits.INT64_MAX),
    "benefit_grosze": (limits.INT64_MIN, limits.INT64_MAX),
    "remaining": (-1, limits.COUNT_MAX),
    "checks": (0, limits.BITS_MAX),
    "benefits_next": (0, limits.OFFER_MAX),
    "generation": (1, limits.GENERATION_MAX),
    "operation": (1, limits.MESSAGE_NUMBER_MAX),
    "number": (-limits.AMOUNT_WIRE_MAX, limits.AMOUNT_WIRE_MAX),
    "offer": (0, limits.COUNT_MAX),
    "confirmed": (0, limits.BITS_MAX),
    "original_terminal": (1, limits.TERMINAL_MAX),
    "report": (min(ReportKind), max(ReportKind)),
    "code": (0, limits.CODE_MAX),
    "amount_grosze": (limits.INT64_MIN, limits.INT64_MAX),
    "points": (limits.INT64_MIN, limits.INT64_MAX),
    "balance": (limits.INT64_MIN, limits.INT64_MAX),
}
TEXTS = {
    "card": limits.CARD_BYTES_MAX // 4,
    "programme": limits.PROGRAMME_BYTES_MAX // 4,
    "partner_name": limits.PARTNER_NAME_BYTES_MAX // 4,
    "receipt": limits.RECEIPT_BYTES_MAX // 4,
}
UINT63 = st.integers(0, limits.INT64_MAX)
UTF8 = st.characters(exclude_categories=["Cs"])


LISTS: dict[str, st.SearchStrategy[Any]] = {
    "benefits": st.lists(
        st.tuples(
            st.integers(1, limits.OFFER_MAX),
            st.integers(-1, limits.COUNT_MAX),
            st.integers(0, limits.BITS_MAX),
        ),
        max_size=limits.BENEFITS_MAX,
    ),
    "wrapped": st.binary(max_size=limits.WRAPPED_KEY_SIZE),
    "tiers": st.lists(st.tuples(UINT63, UINT63), max_size=limits.TIERS_MAX),
    "operations": st.lists(st.integers(1, limits.MESSAGE_NUMBER_MAX), max_size=limits.OPERATIONS_MAX),
    "offers": st.lists(
        st.tuples(
            st.integers(1, limits.OFFER_MAX),
            st.integers(0, limits.OFFER_KIND_MAX),
            st.text(UTF8, max_size=limits.OFFER_NAME_BYTES_MAX // 4),
        ),
        max_size=limits.OFFERS_MAX,
    ),
}


def field(cls: type[msgspec.Struct], name: str) -> st.SearchStrategy[Any]:
    """Every value a field of this name may have; of a name that is not known here, what its type declares."""
    if name == "software":
        return st.text(
            st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=limits.SOFTWARE_BYTES_MAX
        )
    if name == "language":
        return st.text("abcxyz", min_size=2, max_size=2)
    if name in TEXTS:
        return st.text(UTF8, max_size=TEXTS[name])
    if name in INTEGERS:
        return st.integers(*INTEGERS[name])
    if name.endswith("_count"):
        return st.integers(0, limits.COUNT_MAX)
    if name.endswith("_points"):
        return st.integers(limits.INT64_MIN, limits.INT64_MAX)
    if name in LISTS:
        return LISTS[name]
    if name == "original":
        return st.none() | message(TransactionReply)
    if name.endswith(("_ms", "_grosze")) or name == "transaction_id":
        return UINT63
    return declared(cls, name)


def declared(cls: type[msgspec.Struct], name: str) -> st.SearchStrategy[Any]:
    """Every value that the type of a field declares: an integer's bounds, a text's length."""
    shape = msgspec.inspect.type_info(cls)
    assert isinstance(shape, msgspec.inspect.StructType)
    [kind] = [field.type for field in shape.fields if field.name == name]
    if isinstance(kind, msgspec.inspect.StrType) and kind.max_length is not None:
        return st.text(UTF8, max_size=kind.max_length // 4)
    assert isinstance(kind, msgspec.inspect.IntType), f"{cls.__name__}.{name} needs a strategy here"
    return st.integers(kind.ge, kind.le)


def message(cls: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Every message of a class."""
    return st.builds(cls, **{name: field(cls, name) for name in cls.__struct_fields__})


requests = st.one_of([message(cls) for cls in REQUEST_OF.values()])
replies = st.sampled_from(sorted(REPLY_OF)).flatmap(
    lambda number: st.tuples(st.just(number & ~REPLY_BIT), message(REPLY_OF[number]))
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces, cut at the places."""
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(marks)]


@given(st.lists(st.tuples(requests, st.booleans()), max_size=5), st.lists(st.integers(0, 5_000), max_size=9))
def test_requests_make_the_round_trip_in_any_cut(items: list[tuple[Any, bool]], places: list[int]) -> None:
    """Any requests arrive as they were, in order, however the bytes are cut."""
    server, client = open_pair()
    data = b"".join(client.seal(request, repeat=repeat) for request, repeat in items)
    received = [item for piece in cut(data, places) for item in server.receive(piece)]
    assert [(item.message, bool(item.type & REPEAT_BIT)) for item in received] == items
    assert [item.body for item in received] == [encode_request(request)[1] for request, _ in items]


@given(st.lists(replies, max_size=5), st.lists(st.integers(0, 5_000), max_size=9))
def test_replies_make_the_round_trip_in_any_cut(items: list[tuple[int, Any]], places: list[int]) -> None:
    """Any replies arrive as they were, in order, however the bytes are cut."""
    server, client = open_pair()
    data = b"".join(server.seal(reply, request_type) for request_type, reply in items)
    received = [item for piece in cut(data, places) for item in client.receive(piece)]
    assert [(item.type & ~REPLY_BIT, item.message) for item in received] == items


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=9))
def test_arbitrary_bytes_from_a_stranger(data: bytes, places: list[int]) -> None:
    """Before authentication, on either side, only ProtocolError escapes, and cutting changes nothing."""
    for make in (new_server, new_client):
        in_pieces, whole = make(), make()
        assert in_pieces.data_to_send() == whole.data_to_send()
        assert outcome(in_pieces, cut(data, places)) == outcome(whole, [data])


@given(st.integers(0, 255), st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 500), max_size=9))
def test_arbitrary_bodies_from_a_terminal(type_byte: int, body: bytes, places: list[int]) -> None:
    """With a right tag round anything at all, only ProtocolError escapes, and cutting changes nothing."""
    data = sealed(opening().keys.client_data, 0, type_byte, body)
    assert outcome(open_pair()[0], cut(data, places)) == outcome(open_pair()[0], [data])


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.sampled_from(sorted(REQUEST_OF)), st.lists(json_like, max_size=10))
def test_well_formed_msgpack_of_the_wrong_shape(type_byte: int, values: list[Any]) -> None:
    """Any msgpack values in place of the fields: either exactly what is declared, or reason body."""
    data = sealed(opening().keys.client_data, 0, type_byte, msgspec.msgpack.encode(values))
    received, reason, sent, _, _ = outcome(open_pair()[0], [data])
    assert sent == b""
    assert reason in {None, "body"}
    if reason is None:
        [item] = received
        assert [getattr(item.message, name) for name in item.message.__struct_fields__] == values


@given(requests, requests)
def test_digest_tells_requests_apart(first: Any, second: Any) -> None:
    """A request and its repeat have one digest, a signed 64-bit int; two requests have two."""
    (first_type, first_body), (second_type, second_body) = encode_request(first), encode_request(second)
    digest = request_digest(first_type, first_body)
    assert limits.INT64_MIN <= digest <= limits.INT64_MAX
    assert request_digest(first_type | REPEAT_BIT, first_body) == digest
    if (first_type, first_body) != (second_type, second_body):
        assert request_digest(second_type, second_body) != digest


def test_the_bounds_are_those_of_the_types() -> None:
    """The bounds written here are those that the fields of requests declare: neither is changed alone."""
    for cls in REQUEST_OF.values():
        shape = msgspec.inspect.type_info(cls)
        assert isinstance(shape, msgspec.inspect.StructType)
        for one in shape.fields:
            if one.name in INTEGERS:
                assert isinstance(one.type, msgspec.inspect.IntType)
                assert (one.type.ge, one.type.le) == INTEGERS[one.name], (cls, one.name)
    assert {SignOnReply, StatusReply} <= set(REPLY_OF.values())


def test_a_sample_is_what_the_decoder_reads() -> None:
    """A message that nobody chose a vector for has one of its types alone, and it is a right one."""
    for cls in {*REQUEST_OF.values(), *REPLY_OF.values()}:
        made = sample(cls)
        assert decoder(cls)(encode(made)) == made
