"""Plays the scenarios of protocol/scenarios.json against a switch, as SPEC.md says a vendor may.

Reads nothing but the file: what a scenario does not say, the player does not know. Each reply is also held to
its row of the field matrix.
"""

import re
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from protocol import (
    MESSAGE_MASK,
    REPEAT_BIT,
    REQUEST_OF,
    ClientSession,
    Received,
    Refund,
    StatusReply,
    TransactionReply,
    encode_request,
)
from protocol.published.field_matrix import MATRIX, row_of
from protocol.published.spec_tables import FIGURES, request_name
from protocol.reply_figures import Fill, Held
from tests.switch.memory import Line, receive

NUMBER_OF = {request_name(number): number for number in REQUEST_OF}
TIERS = {100: 1_000, 250: 2_500, 500: 5_000}
AT_LEAST = {
    Fill.OWN_ID: 1,
    Fill.MISSING: 1,
    Fill.AWARDED: 0,
    Fill.TAKEN_OFF: 0,
    Fill.SEEN: 0,
    Fill.LEFT: -1,
    Fill.LEFT_AGAIN: -1,
}
STANS = {"stan", "original_stan", "stan_from", "stan_to", "last_stan"}


def widest(values: list[Any]) -> bytes:
    """A msgpack array in the longest encoding there is."""
    out = b"\xdd" + struct.pack(">I", len(values))
    for value in values:
        if isinstance(value, str):
            out += b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
        else:
            out += (b"\xd3" if value < 0 else b"\xcf") + struct.pack(">q", value)
    return out


@dataclass
class Player:
    """One scenario on one terminal. `connect` opens a signed-in line; `base` is the last STAN used."""

    connect: Callable[[], Awaitable[Line]]
    names: dict[str, Any]
    base: int
    met: set[tuple[str, int]] = field(default_factory=set)
    last_stan: int = 0

    def __post_init__(self) -> None:
        self._asked: dict[int, list[Any]] = {}
        self._told: dict[int, TransactionReply] = {}
        self._balances: dict[str, int] = {}
        self._refunded: dict[tuple[int, str], int] = {}
        self.last_stan = self.base

    async def play(self, steps: list[dict[str, Any]]) -> None:
        """Raise AssertionError where the switch does otherwise than the scenario says."""
        line = await self.connect()
        unread: list[Received] = []
        for step in steps:
            if "reconnect" in step:
                assert not unread
                line = await self.connect()
            elif "expect_closed" in step:
                assert await line.closed()
            elif "expect" in step:
                wanted = step["expect"]
                while not (
                    found := [one for one in unread if one.message.stan == wanted["stan"] + self.base]
                ):
                    data = await receive(line.stream)
                    assert data, "the switch closed the connection"
                    unread += line.session.receive(data)
                unread.remove(found[0])
                self._judge(wanted, found[0])
            else:
                for piece in self._pieces(line.session, step):
                    await line.stream.send_all(piece)
        assert not unread

    def _pieces(self, session: ClientSession, step: dict[str, Any]) -> list[bytes]:
        frames = [self._frame(session, one) for one in step.get("together", [step])]
        if step.get("cut") == "every byte":
            return [bytes([byte]) for frame in frames for byte in frame]
        if step.get("cut") == "halves":
            places = [sum(map(len, frames[:n])) + len(frame) // 2 for n, frame in enumerate(frames)]
            whole = b"".join(frames)
            return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]
        return [b"".join(frames)]

    def _frame(self, session: ClientSession, step: dict[str, Any]) -> bytes:
        asked = {name: self._value(name, value) for name, value in step["send"].items() if name != "message"}
        number = NUMBER_OF[step["send"]["message"]]
        request = REQUEST_OF[number](**asked)
        body = encode_request(request)[1]
        if step.get("encoding") == "widest":
            body = widest(list(msgspec.structs.astuple(request)))
        self._asked.setdefault(request.stan, []).append(request)
        self.last_stan = max(self.last_stan, request.stan)
        return session.seal_body(number | REPEAT_BIT if step.get("repeat") else number, body)

    def _value(self, name: str, value: Any) -> Any:
        if name in STANS:
            return value + self.base
        if not isinstance(value, str) or "$" not in value:
            return value
        if time := re.fullmatch(r"\$now([+-]\d+)?", value):
            return self.names["$now"] + int(time[1] or 0)
        if value in self.names:
            return self.names[value]
        return re.sub(r"\$[a-z]+", lambda match: self.names[match[0]], value)

    def _judge(self, wanted: dict[str, Any], received: Received) -> None:
        reply: Any = received.message
        number = received.type & MESSAGE_MASK
        assert request_name(number) == wanted["message"]
        self._compare({k: v for k, v in wanted.items() if k != "message"}, reply)
        self.met.add((wanted["message"], reply.code))
        if isinstance(reply, StatusReply):
            assert (reply.original is None) == bool(reply.code), "an original goes with code 0"
        if isinstance(reply, TransactionReply):
            request = next(r for r in reversed(self._asked[reply.stan]) if type(r) is REQUEST_OF[number])
            self._hold(row_of(type(request), reply.code), request, reply)

    def _compare(self, wanted: dict[str, Any], reply: Any) -> None:
        """Every field wanted has its value; a name has the value it had before."""
        for name, value in wanted.items():
            found = getattr(reply, name)
            if isinstance(value, dict):
                self._compare(value, found)
            elif value != "$any":
                known = self._known(name, value, found)
                assert found == known, f"{name} of {reply!r}: {found!r}, expected {known!r}"

    def _known(self, name: str, value: Any, found: Any) -> Any:
        if name in STANS:
            return value + self.base
        if isinstance(value, list):  # JSON has no tuples
            return [tuple(one) if isinstance(one, list) else one for one in value]
        if isinstance(value, str) and value.startswith("$"):
            return self.names.setdefault(value, found)
        return value

    def _hold(self, row: Held, request: Any, reply: TransactionReply) -> None:
        """Each figure is what the matrix says of this code."""
        first = self._told.setdefault(reply.stan, reply) if reply.transaction_id else reply
        if first is not reply:
            assert first == reply, "a stored reply is the same, whenever it is asked for"
            return
        assert reply.receipt or not reply.code, "a refusal says why"
        found_digits = re.search(r"[0-9]{16}", request.card)
        card = found_digits[0] if found_digits else request.card
        before = self._balances.get(card, 0)
        original = self._told.get(getattr(request, "original_stan", 0))
        expected = {
            Fill.ZERO: 0,
            Fill.NO_LIMIT: -1,
            Fill.KEYED: getattr(request, "amount", None),
            Fill.TIER_VALUE: TIERS.get(getattr(request, "tier", 0)),
            Fill.MINUS_TIER: -getattr(request, "tier", 0),
            Fill.MIRROR: original and -original.points - self._refunded.get((original.stan, "points"), 0),
            Fill.AFTER: before + reply.points,
            Fill.PRESENT: before,
            Fill.WHEN_CANCELLED: before and reply.balance,
        }
        for name in FIGURES:
            refunded = self._refunded.get((original.stan, name), 0) if original else 0
            expected[Fill.ORIGINALS] = original and getattr(original, name) - refunded
            fill, found = getattr(row, name), getattr(reply, name)
            if fill in AT_LEAST:
                fits = found >= AT_LEAST[fill]
            else:
                fits = (
                    found <= 0 if fill is Fill.TAKEN_BACK else fill is Fill.QUOTED or found == expected[fill]
                )
            assert fits, f"{name} of {reply!r} is not {fill.value}"
        if isinstance(request, Refund) and not reply.code:
            for name in ("amount_grosze", "points"):
                before_it = self._refunded.get((request.original_stan, name), 0)
                self._refunded[request.original_stan, name] = before_it + getattr(reply, name)
        if row.points is not Fill.QUOTED:
            self._balances[card] = before + reply.points


def rows_met(met: set[tuple[str, int]]) -> set[tuple[Held, str]]:
    """Which rows of the matrix the replies of these messages and codes belong to."""
    found = set()
    for message, code in met:
        request = REQUEST_OF[NUMBER_OF[message]]
        if any(request in row.requests for row in MATRIX):
            found.add((row_of(request, code), message))
    return found
