"""The office's work with the master key: another key made, everything wrapped anew under it, the old one
destroyed.

Owns the order of file, database and vault. The new key stands in the file before anything is under it; what
is wrapped says under which key, so a run that was killed is done again from the beginning and finds the rest;
the old key leaves the file last, once database and vault were seen to need it no more. Workers serve all the
while: each reads the file when it meets a number it does not know. Must not show a secret.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.audit import Actor
from ledger.registry.erasures import read_keys_left
from ledger.registry.installation import check_master_key
from ledger.registry.key_ring import NUMBER_MAX, SECRET_BYTES, KeyRing, replace_file, replacing
from ledger.registry.rewrapping import (
    BEGINNING,
    Place,
    begin_rewrap,
    check_may_rotate,
    read_wrapping,
    retire_older,
    rewrap_batch,
)
from ledger.registry.secrets import MasterKey

KEYS_A_BATCH: Final = 200
PLACES_A_BATCH: Final = 2_048
PASSES_MAX: Final = 3
_UNFINISHED: Final = "run `cityswitch master-key rewrap`"


class KeyState(NamedTuple):
    """One wrapping key: what it is, and how many keys of terminals and of holders are under it."""

    number: int
    state: str
    terminal_keys: int
    holders_keys: int


class Rewrapped(NamedTuple):
    """What a run did: how many keys it wrapped anew, which do not open, how many are under an older key."""

    number: int
    terminal_keys: int
    damaged: list[Place]
    holders_damaged: int
    left: int


async def check_rotation(database: Database, master: MasterKey) -> None:
    """Raise unless this role may rotate the master key, and this is the database's."""
    await database.run(check_may_rotate)
    await database.run(lambda c: check_master_key(c, master))


def make_key(path: Path) -> int:
    """Add a key to the file, under which nothing is wrapped yet, and return its number; the same one again
    until `rewrap` begins. Raises RegistryRefused while an older one is there, SecretsError.
    """
    with replacing(path) as ring:
        if ring.newest != ring.wraps:
            return ring.newest
        if len(ring.keys) > 1:
            raise RegistryRefused(
                f"key {min(ring.keys)} is there yet: run `cityswitch master-key rewrap`, then `destroy`"
            )
        number = ring.newest + 1
        if number > NUMBER_MAX:
            raise RegistryRefused(f"keys are numbered up to {NUMBER_MAX}")
        keys = ring.keys | {number: secrets.token_bytes(SECRET_BYTES)}
        replace_file(path, ring._replace(keys=keys))
    return number


async def rewrap(database: Database, actor: Actor, path: Path, master: MasterKey) -> Rewrapped:
    """Wrap everything anew under the newest key of the file. To be run again after whatever ended it.

    Raises RegistryRefused where there is no newer key or no vault, SecretsError for a key that is not this
    database's.
    """
    await check_rotation(database, master)
    await _check_vault_is_here(database, master)
    with replacing(path) as ring:
        if ring.newest == 0:
            raise RegistryRefused("there is no newer key: `cityswitch master-key new` makes one")
        if ring.wraps != ring.newest:
            replace_file(path, ring._replace(wraps=ring.newest))
    master.refresh()
    await database.run(lambda c: begin_rewrap(c, actor, master))
    master.vault.wraps_under(master.ring.wraps)
    done, damaged = 0, list[Place]()
    for _ in range(PASSES_MAX):  # another process may have wrapped under the former key meanwhile
        damaged = []
        place: Place | None = BEGINNING
        while place is not None:
            place, count, closed = await _batch(database, actor, master, place)
            done, damaged = done + count, damaged + closed
        if await _left(database, master) <= len(damaged):
            break
    holders_damaged = _rewrap_vault(master)
    left = await _left(database, master) + _vault_left(master)
    return Rewrapped(master.ring.wraps, done, damaged, holders_damaged, left)


async def _check_vault_is_here(database: Database, master: MasterKey) -> None:
    """Raise RegistryRefused where there is no vault, or an older copy: all that is wrapped must be seen."""
    keys = await database.run(lambda c: read_keys_left(c, master.vault))
    if keys.newest > keys.drawn:
        raise RegistryRefused(
            f"the database knows holder's key {keys.newest}, the vault here has {keys.drawn}: "
            "run this where the vault lies"
        )


async def _batch(
    database: Database, actor: Actor, master: MasterKey, place: Place
) -> tuple[Place | None, int, list[Place]]:
    return await database.run(lambda c: rewrap_batch(c, actor, master, place, KEYS_A_BATCH))


def _rewrap_vault(master: MasterKey) -> int:
    vault = master.vault
    firsts = range(1, vault.count() + 1, PLACES_A_BATCH)
    return sum(vault.rewrap(first, PLACES_A_BATCH) for first in firsts)


async def destroy(database: Database, actor: Actor, path: Path, master: MasterKey) -> list[int]:
    """Destroy the older keys and return their numbers, once nothing is under them.

    Raises RegistryRefused while something is, where there is none, and where no vault lies to be looked at.
    """
    master.refresh()
    await check_rotation(database, master)
    await _check_vault_is_here(database, master)
    ring = master.ring
    kept = await database.run(read_wrapping)
    has_ended = ring.wraps == ring.newest == kept.number and master.vault.number() in (None, ring.wraps)
    if not has_ended:
        raise RegistryRefused(f"the rotation to key {ring.newest} has not ended: {_UNFINISHED}")
    if left := await _left(database, master) + _vault_left(master):
        raise RegistryRefused(f"{left} keys are under an older key yet: {_UNFINISHED}")
    older = sorted(ring.keys.keys() - {ring.wraps})
    if not older and kept.least == ring.wraps:
        raise RegistryRefused("there is no older key")
    with replacing(path) as now:
        if now != ring:
            raise RegistryRefused("the key file was changed meanwhile: run this again")
        await database.run(lambda c: retire_older(c, actor, master))
        replace_file(path, ring._replace(keys={ring.wraps: ring.keys[ring.wraps]}))
    master.refresh()
    return older


async def _left(database: Database, master: MasterKey) -> int:
    keys = (await database.run(read_wrapping)).keys
    return sum(count for number, count in keys.items() if number != master.ring.wraps)


def _vault_left(master: MasterKey) -> int:
    counts = master.vault.count_under()
    return sum(count for number, count in counts.items() if number != master.ring.wraps)


async def read_states(database: Database, master: MasterKey) -> list[KeyState]:
    """Return every key there is or was, by number, with what is under it."""
    kept, places = await database.run(read_wrapping), master.vault.count_under()
    numbers = sorted({*range(kept.number + 1), *master.ring.keys, *kept.keys, *places})
    return [
        KeyState(n, _state(n, master.ring, kept.least), kept.keys.get(n, 0), places.get(n, 0))
        for n in numbers
    ]


def _state(number: int, ring: KeyRing, least: int) -> str:
    if number not in ring.keys:
        return "destroyed" if number < least else "missing"
    if number == ring.wraps:
        return "wraps"
    return "prepared" if number > ring.wraps else "former"
