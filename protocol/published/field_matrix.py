"""What every field of a reply holds, by the reply's code: the one source for SPEC.md and the switch's tests.

Gathers from the catalogue what each request says of its reply, requests that say the same in one row;
`spec_tables` prints it, and tests play `scenarios` against the real switch and hold each reply to its row.
Owns no fact. Invariant: every reply and every code a switch may give has exactly one row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from protocol.catalogue import CATALOGUE
from protocol.fields import Request
from protocol.messages import REQUEST_OF
from protocol.reply_figures import Held, Said

Line = TypeVar("Line", Held, Said)


class Row(NamedTuple):
    """One line of the matrix: the requests that it is said of, and what their replies hold."""

    requests: tuple[type[Request], ...]
    held: Held


def _gathered(kind: type[Line]) -> Iterator[tuple[tuple[type[Request], ...], Line]]:
    """Yield what is said of replies, each once, with the requests that say it."""
    requests: dict[Line, list[type[Request]]] = {}
    for number, request in REQUEST_OF.items():
        for line in CATALOGUE[number].holds:
            if isinstance(line, kind):
                requests.setdefault(line, []).append(request)
    for line, who in requests.items():
        yield tuple(who), line


MATRIX: tuple[Row, ...] = tuple(Row(*gathered) for gathered in _gathered(Held))
OTHERS: tuple[tuple[tuple[type[Request], ...], Said], ...] = tuple(_gathered(Said))
"""The replies without figures of their own: which codes they have, and what that means."""


def row_of(request: type[Request], code: int) -> Held:
    """Return what a reply to a request of this class holds; raises LookupError where the code has no row."""
    found = [row.held for row in MATRIX if request in row.requests and code in row.held.codes]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows for code {code} in a reply to {request.__name__}")
    return found[0]
