"""The office's work with terminals' keys: issued for one terminal or for fleets, revoked.

Owns the order of writing down and committing: a key is written down, safe on the disk, before it becomes the
terminal's, and its file gets its name after. So a failure at any moment loses nothing: before the commit the
files count for nothing and are removed; if the commit's outcome is unknown they are kept and named. Must not
show a key itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ledger.errors import DatabaseUnavailable, LedgerError, NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.installation import check_master_key
from ledger.registry.keys import OVERLAP_DAYS, issue_keys, next_generations, revoke_key
from ledger.registry.secrets import MasterKey
from ops.office.acting import with_reason
from ops.office.private_files import PrivateFiles

KEY_BYTES = 32
ISSUE_S_MAX = 120.0


class KeysUnsure(DatabaseUnavailable):
    """Whether the keys count is not known; the message names the files that hold them."""


class KeysMisplaced(LedgerError):
    """The keys count, and their files could not be given their names; the message says where they are."""


@dataclass(frozen=True)
class IssuedKey:
    """A key as it was issued: it can be had here and now only."""

    terminal: int
    generation: int
    key: str


class Keeping(Protocol):
    """How keys are written down: the text of each file."""

    def __call__(self, keys: Sequence[IssuedKey]) -> dict[Path, str]:
        """Return what is to be written, by file; nothing where the caller shows the key itself."""
        ...


@dataclass(frozen=True)
class Fleet:
    """Which terminals: those named, those of a partner, or all."""

    terminals: tuple[int, ...] = ()
    partner: int | None = None
    all: bool = False


async def plan_issue(database: Database, fleet: Fleet, *, rotate: bool) -> dict[int, int]:
    """Return the generation each terminal of a fleet is to get.

    First keys go to terminals without one, the next ones (`rotate`) to those that have one: of a partner's or
    all terminals the others are left out, a terminal that was named is refused. Raises RegistryRefused.
    """
    named = list(fleet.terminals) or None
    if (named is not None) + (fleet.partner is not None) + fleet.all != 1:
        raise RegistryRefused("name the terminals, or a partner, or all of them: one of the three")
    found = await database.run(lambda c: next_generations(c, terminals=named, partner=fleet.partner))
    for terminal in named or ():
        if terminal not in found:
            raise NotInRegistry(f"there is no terminal {terminal}")
        if found[terminal] > 1 and not rotate:
            raise RegistryRefused(
                f"terminal {terminal} has a key already: `cityswitch terminals key rotate {terminal}` "
                "gives it the next one"
            )
        if found[terminal] == 1 and rotate:
            raise RegistryRefused(
                f"terminal {terminal} has no key yet: `cityswitch terminals key issue {terminal}` makes one"
            )
    return {terminal: generation for terminal, generation in found.items() if (generation > 1) == rotate}


async def issue(
    database: Database,
    master: MasterKey,
    actor: Actor,
    generations: dict[int, int],
    keeping: Keeping,
    *,
    overlap_days: int = OVERLAP_DAYS,
) -> list[IssuedKey]:
    """Make and issue the keys of planned generations, all or none, written down as `keeping` says.

    Raises RegistryRefused where a generation is not the terminal's next any more, `KeysUnsure`,
    `KeysMisplaced`, or OSError when they cannot be written down (and are not issued then).
    """
    keys = {terminal: secrets.token_bytes(KEY_BYTES) for terminal in sorted(generations)}
    issued = [IssuedKey(terminal, generations[terminal], key.hex()) for terminal, key in keys.items()]
    files = PrivateFiles(keeping(issued))
    files.write_beside()

    async def job(connection: Connection) -> None:
        await check_master_key(connection, master)
        await issue_keys(connection, actor, master, keys, overlap_days=overlap_days, expected=generations)

    try:
        await database.run(job, timeout_s=ISSUE_S_MAX)
    except DatabaseUnavailable as error:
        if not files.kept():
            raise
        raise KeysUnsure(
            f"whether the keys count is not known ({error}); they are written down in {_named(files)}. See "
            "`cityswitch terminals key list`, or issue again: keys never used are replaced"
        ) from error
    except LedgerError:
        files.remove()
        raise
    # Anything else, an interruption above all, may have come after the commit: then the files stay.
    try:
        files.put_in_place()
    except OSError as error:
        raise KeysMisplaced(
            f"the keys are issued and written down in {_named(files)}; these could not be given their names: "
            f"{error.strerror}. Move them yourself"
        ) from error
    return issued


def _named(files: PrivateFiles) -> str:
    kept = [str(path) for path in files.kept()]
    return f"{kept[0]} and {len(kept) - 1} more there" if len(kept) > 1 else kept[0]


async def revoke(database: Database, actor: Actor, terminal: int, generation: int) -> None:
    """End a generation of a terminal's key at once. Wants a reason."""
    with_reason(actor)
    await database.run(lambda c: revoke_key(c, actor, terminal, generation))
