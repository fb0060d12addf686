"""Owns what the database decides of terminals' keys: which live, what a first use ends, the next one.

The other end of `ledger.registry.keys` and `key_over_wire` (migrations, 0030). Knows nothing of sign-on.
"""

from __future__ import annotations

from msgspec.structs import replace

from ledger.registry.keys import GENERATION_MAX
from ledger.registry.reads import KeyRow, Status
from simulators.world.memory.registry import MemoryRegistry


def is_live(key: KeyRow | None, now_ms: int) -> bool:
    """Whether a generation may be used now."""
    if key is None or key.retired_at_ms is not None:
        return False
    return key.not_after_ms is None or key.not_after_ms > now_ms


def keys_of(registry: MemoryRegistry, terminal: int) -> list[KeyRow]:
    """The keys of a terminal, by generation."""
    found: list[KeyRow] = []
    while key := registry.keys.rows.get((terminal, len(found) + 1)):
        found.append(key)
    return found


def note_use(registry: MemoryRegistry, terminal: int, generation: int) -> None:
    """A terminal has signed on with a generation: noted, and all older ones end."""
    for key in keys_of(registry, terminal):
        if key.retired_at_ms is None and key.generation < generation:
            registry.set_key(replace(key, retired_at_ms=registry.now_ms()))
        elif key.retired_at_ms is None and key.generation == generation and not key.is_used:
            registry.set_key(replace(key, is_used=True))


def expired(registry: MemoryRegistry) -> list[KeyRow]:
    """The keys whose time is over and which were not retired."""
    return [
        key
        for key in registry.keys.rows.values()
        if key.retired_at_ms is None
        and key.not_after_ms is not None
        and key.not_after_ms <= registry.now_ms()
    ]


def retire_expired(registry: MemoryRegistry) -> None:
    """Retire them."""
    for key in expired(registry):
        registry.set_key(replace(key, retired_at_ms=registry.now_ms()))


def next_key(
    registry: MemoryRegistry, terminal: int, in_use: int, generation: int, wrapped: bytes | None
) -> tuple[int, bytes | None] | None:
    """The generation after the one in use, with its key, or with None: make it. None: it may have none."""
    keys, row = keys_of(registry, terminal), registry.terminals.rows.get(terminal)
    current = registry.keys.rows.get((terminal, in_use))
    if row is None or row.status != Status.ACTIVE or not is_live(current, registry.now_ms()):
        return None
    newer = [key for key in keys if key.generation > in_use]
    if any(key.is_used for key in newer):
        return None
    for key in reversed(newer):
        if is_live(key, registry.now_ms()):
            return key.generation, key.wrapped
    following = len(keys) + 1
    if following > GENERATION_MAX:
        return None
    if wrapped is None or generation != following:
        return following, None
    registry.set_key(KeyRow(terminal, following, wrapped, None, None, False))
    return following, wrapped
