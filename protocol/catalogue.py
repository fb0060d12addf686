"""The catalogue of requests: what there is to say of each, said where the request itself stands.

Owns the list that everything else follows from: the decoders, the type bytes, the tables of SPEC.md and the
test vectors. A request enters it by `@listed(...)` above its class (`requests`), and nowhere else. Knows no
request. Invariant: one number, one request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from protocol.fields import Request
from protocol.replies import Reply, TransactionReply
from protocol.reply_figures import Held, Said


class Listed(NamedTuple):
    """One request: its number on the wire, its reply, its nearest relations, and what the reply holds."""

    number: int
    request: type[Request]
    reply: type[Reply]
    iso: str
    nexo: str
    holds: tuple[Held | Said, ...]

    @property
    def name(self) -> str:
        """The name in capitals: EarnAdvice is EARN_ADVICE."""
        name = self.request.__name__
        return "".join("_" + c if c.isupper() and i else c for i, c in enumerate(name)).upper()


CATALOGUE: dict[int, Listed] = {}
"""By number, in the order of the classes."""

R = TypeVar("R", bound=Request)


def listed(
    number: int,
    *,
    reply: type[Reply] = TransactionReply,
    iso: str,
    nexo: str = "none",
    holds: tuple[Held | Said, ...],
) -> Callable[[type[R]], type[R]]:
    """Enter a request into the catalogue: iso is its MTI in ISO 8583, nexo its message in nexo Retailer."""

    def enter(request: type[R]) -> type[R]:
        assert number not in CATALOGUE, f"0x{number:02x} is {CATALOGUE[number].name}"
        CATALOGUE[number] = Listed(number, request, reply, iso, nexo, holds)
        return request

    return enter
