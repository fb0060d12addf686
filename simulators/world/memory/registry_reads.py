"""Owns the rows by which a worker follows the registry (`ledger.registry.reads`): what changed after a
number.

Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import astuple

from ledger.registry import reads
from simulators.world.memory.registry import NEVER_BEGAN, NEVER_ENDS, Card, Holder, MemoryRegistry

if TYPE_CHECKING:
    from simulators.world.memory.connection import MemoryConnection
    from simulators.world.memory.statements import Rows

Read = Callable[["MemoryConnection", int], "Rows"]


def newest(connection: MemoryConnection) -> Rows:
    """The clock, and the newest change of each table, in the order of `reads.TABLES`."""
    registry = connection.ledger.registry
    tables = *_small(registry), registry.cards, registry.holders
    return [(connection.ledger.now_ms(), *(table.newest for table in tables), None)]


def former_tokens(_: MemoryConnection, __: int) -> Rows:
    """None: nobody rotates a pepper there."""
    return []


def changed(connection: MemoryConnection, since: int) -> Rows:
    """The clock, and of each small table the rows that have changed."""
    tables = _small(connection.ledger.registry)
    return [(connection.ledger.now_ms(), *(list(map(astuple, table.after(since))) for table in tables))]


def _small(registry: MemoryRegistry) -> tuple[Any, ...]:
    return (
        registry.programmes,
        registry.rules,
        registry.partners,
        registry.terminals,
        registry.keys,
        registry.offers,
        registry.contracts,
    )


def _cards(connection: MemoryConnection, since: int) -> Rows:
    registry = connection.ledger.registry
    return [_card(registry, card) for card in registry.cards.after(since)]


def _cards_of_holders(connection: MemoryConnection, since: int) -> Rows:
    registry = connection.ledger.registry
    return [
        _card(registry, card)
        for holder in registry.holders.after(since)
        for card in registry.cards_of(holder.account)
        if registry.cards.number_of(card.token) <= since
    ]


def _card(registry: MemoryRegistry, card: Card) -> tuple[Any, ...]:
    """A card as `reads.CardTuple`. One whose notice runs is valid no longer than that."""
    holder = registry.holders.rows.get(card.account)
    days = [card.expires_day, holder.contract_ends_day if holder else None]
    last_day = min((day for day in days if day is not None), default=None)
    held = None if holder is None else _held(holder)
    has_past = card.valid_past is not None or (holder is not None and holder.past is not None)
    known = [*days, *(card.valid_past or ())] if has_past else None
    return card.token, card.account, card.programme, card.status, last_day, card.past, held, known


def _held(holder: Holder) -> list[int | None]:
    return [
        holder.flags,
        holder.kinds,
        holder.kinds_before,
        NEVER_BEGAN if holder.kinds_from is None else holder.kinds_from,
        holder.kinds_next,
        NEVER_ENDS if holder.next_from is None else holder.next_from,
        holder.entitled_until,
        *(holder.past or ()),
    ]


CARD_READS: Final[dict[str, Read]] = {reads.CARDS: _cards, reads.CARDS_OF_HOLDERS: _cards_of_holders}
