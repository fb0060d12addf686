"""The HTTP API's own reading: bodies, parameters of addresses, headers. Byte 0 says which."""

from __future__ import annotations

import random

from starlette.requests import Request

from ops.api.application import BODY_BYTES_MAX, read_body, read_key, read_parameters
from ops.api.operations import OPERATIONS
from ops.api.problems import Failure
from ops.api.tokens import bearer_of
from tests.fuzz.mutate import mutated, mutated_text
from tests.fuzz.target import Escape, Outcome, Target

ROWS = [row for row in OPERATIONS if row.takes.__struct_fields__]
KEY, BEARER = len(ROWS), len(ROWS) + 1
EXAMPLES = {
    "CardNumber": ['{"card":"9616201734390553"}'],
    "Block": ['{"by":"holder","reason":"lost","carrier":"qr"}', '{"by":"proxy","reason":"x","carrier":null}'],
    "Duplicate": ['{"by":"guardian","why":"fault","reason":"x","lost":true,"pickup":"rynek"}'],
    "Renewal": ['{"by":"holder","tax_year":2025}', '{"by":"holder"}'],
    "Page": ["limit=20&before=12345678901234567", "limit=%31", "before="],
    "After": ["after=9007199254740991&limit=1000", "after=0"],
}
"""By the name of what is taken: bodies of a POST, parameters of a GET."""


def asked(query: bytes = b"", headers: tuple[tuple[bytes, bytes], ...] = ()) -> Request:
    """Return a request as the server hands it over."""
    return Request({"type": "http", "method": "GET", "query_string": query, "headers": list(headers)})


def run(data: bytes) -> Outcome:
    """What was asked for, as its type; or 400 or 422 with a body that can be sent."""
    if not data:
        return Outcome("empty")
    which, rest = data[0] % (BEARER + 1), data[1:]
    try:
        if which == BEARER:
            found = bearer_of(rest.decode("latin-1"))
            return Outcome("no token" if found is None else "a token", which)
        if which == KEY:
            pairs = tuple((b"idempotency-key", value) for value in rest.split(b"\n"))
            return Outcome("a key", len(read_key(asked(headers=pairs))))
        row = ROWS[which]
        taken = read_body(row, rest) if row.method == "POST" else read_parameters(row, asked(rest))
    except Failure as failure:
        if failure.status not in (400, 422) or failure.response().status_code != failure.status:
            raise Escape(f"answered with {failure.status}") from None
        return Outcome(f"refused with {failure.status}", (which, failure.detail[:24]))
    if type(taken) is not row.takes:
        raise Escape(f"{row.name} took {type(taken).__name__}")
    return Outcome("read", which)


def changed(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Change it as a text of fields, or as bytes."""
    if rng.randrange(2):
        return mutated(rng, data, others)
    apart = "&" if b"=" in data else ","
    text = data[1:].decode("utf-8", "replace").replace(apart, "\n")
    return data[:1] + mutated_text(rng, text, "=" if apart == "&" else ":").replace("\n", apart).encode(
        "utf-8", "replace"
    )


def seeds() -> list[bytes]:
    """An example of each operation, and of the two headers."""
    found = [
        bytes([n]) + text.encode()
        for n, row in enumerate(ROWS)
        for text in EXAMPLES.get(row.takes.__name__, ["{}"])
    ]
    return [*found, bytes([KEY]) + b"a.b:c-1", bytes([BEARER]) + b"Bearer cs3_" + b"A" * 43]


TARGET = Target("http_api", run, seeds, changed, ("ops.api",), BODY_BYTES_MAX)
