"""What the auditor is asked and what he answers: a request as it was taken, and the reply it must have had.

Owns both shapes and their comparison with a reply. Knows no rule. Invariant: a field of a reply that is not
compared is one no document gives a value to: a transaction's number, the words of a receipt.
"""

from __future__ import annotations

import msgspec

from protocol import KeyChangeReply, Reply, Request, StatusReply, TransactionReply
from simulators.world.auditor.shares import Key

NO_LIMIT = -1
"""`remaining` of what may be done as often as anybody likes."""
WRAPPED_BYTES = 60
"""Of a key under its session: nonce, key and tag (SPEC.md, section 3)."""
FIGURES = ("code", "amount_grosze", "discount_grosze", "points", "balance", "remaining", "checks")


class Committed(msgspec.Struct, frozen=True, gc=False):
    """A request as the switch took it: `order` counts the commits, from 1 on.

    `registry_number`: the newest change of the registry it was decided by. `accepted_at_ms`: the switch's
    clock then. `body`: what told a repeat from a conflict, where it was not the shortest encoding. `wide`:
    the store's names of the limits of all cards that it counts the request by, in its order.
    `generation`: that of the key the terminal was let in by.
    """

    order: int
    terminal: int
    request: Request
    registry_number: int
    accepted_at_ms: int
    body: bytes = b""
    wide: tuple[Key, ...] = ()
    generation: int = 0


class Expected(msgspec.Struct, gc=False):
    """A reply, foretold. Figures hold where the request has a TransactionReply.

    `decided_at_ms`: its `server_time_ms`, which of a stored reply is that of the first time; `first_order`:
    of a stored reply the order it was first given by, byte for byte as it comes now; 0: it is given now.
    `is_kept`: `transaction_id` is not 0. `original`: of a STATUS. `more`: every other field of a reply that
    is not a transaction's, by name.
    """

    code: int
    decided_at_ms: int = 0
    amount_grosze: int = 0
    discount_grosze: int = 0
    points: int = 0
    balance: int = 0
    remaining: int = NO_LIMIT
    checks: int = 0
    is_kept: bool = False
    first_order: int = 0
    original: Expected | None = None
    more: dict[str, object] | None = None

    @property
    def to_pay_grosze(self) -> int:
        """What the customer pays: the price less the discount."""
        return self.amount_grosze - self.discount_grosze

    def differences(self, reply: Reply) -> list[str]:
        """Return where a reply is another one, a line each; nothing: it was foretold."""
        found: dict[str, tuple[object, object]] = {
            "code": (self.code, reply.code),
            "server_time_ms": (self.decided_at_ms, reply.server_time_ms),
        }
        if isinstance(reply, TransactionReply):
            found |= {name: (getattr(self, name), getattr(reply, name)) for name in FIGURES}
            found["is_kept"] = (self.is_kept, reply.transaction_id != 0)
        if isinstance(reply, KeyChangeReply):
            found["wrapped"] = (WRAPPED_BYTES if not self.code else 0, len(reply.wrapped))
        found |= {name: (value, getattr(reply, name)) for name, value in (self.more or {}).items()}
        lines = [
            f"{name}: {reply_s!r}, foretold {ours!r}"
            for name, (ours, reply_s) in found.items()
            if ours != reply_s
        ]
        if isinstance(reply, StatusReply):
            lines += self._of_original(reply.original)
        return lines

    def _of_original(self, original: TransactionReply | None) -> list[str]:
        if self.original is None or original is None:
            both = self.original is None and original is None
            return [] if both else [f"original: {original!r}, foretold {self.original!r}"]
        return [f"original {line}" for line in self.original.differences(original)]
