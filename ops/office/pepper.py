"""The office's work with a programme's pepper: another one made, cards re-entered under it, the former ended.

Owns the order of file and database. The next pepper stands in the file before any card is under it; each card
says under which it is, so a step that was killed is done again from the beginning and finds the rest; the
former leaves the file last, once the database says that nothing is under it. Workers serve all the while.
Must not show a secret, nor keep a number.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from ledger.registry import peppers
from ledger.registry.audit import Actor
from ledger.registry.installation import check_master_key
from ledger.registry.key_ring import (
    FILE_BYTES_MAX,
    PEPPER_MAX,
    SECRET_BYTES,
    KeyRing,
    replace_file,
    replacing,
)
from ledger.registry.numbers import BATCH, Numbers
from ledger.registry.peppers import BEGINNING, Left, Peppers, Place
from ledger.registry.rewrapping import check_may_rotate
from ledger.registry.secrets import MasterKey

CARDS_A_BATCH: Final = 500
COUNT_S_MAX: Final = 600.0
FORGET_S: Final = 5.0
"""A worker that follows the registry has read by then what it is to forget."""


class PepperState(NamedTuple):
    """One pepper: whose and which it is, what it is, and how many cards are under it."""

    programme: int
    code: str
    number: int
    state: str
    cards: int


async def read_states(database: Database, master: MasterKey) -> list[PepperState]:
    """Return the peppers that hold or are prepared in each programme, with the cards that are under them."""
    states: list[PepperState] = []
    for row in await database.run(peppers.count_cards, timeout_s=COUNT_S_MAX):
        programme, newest, former = row["programme"], row["pepper"], row["pepper_former"]
        found = [] if former is None else [(former, "former", row["former"])]
        found.append((newest, "newest", row["newest"]))
        if master.has_pepper(programme, newest + 1):
            found.append((newest + 1, "prepared", 0))
        for number, state, cards in found:
            state_here = state if master.has_pepper(programme, number) else "missing"
            states.append(PepperState(programme, row["code"], number, state_here, cards))
    return states


async def make_pepper(database: Database, path: Path, master: MasterKey, programme: int) -> int:
    """Add a programme's next pepper to the file, under which no card is yet, and return its number; the same
    one again until `begin`. Raises RegistryRefused while one is in overlap, SecretsError.
    """
    held = await _check(database, master, programme)
    if held.former is not None:
        raise RegistryRefused(f"pepper {held.former} is in overlap yet: run `cityswitch pepper retire`")
    number = held.newest + 1
    if number > PEPPER_MAX:
        raise RegistryRefused(f"peppers are numbered up to {PEPPER_MAX}")
    with replacing(path) as ring:
        if (programme, number) not in ring.peppers:
            more = {(programme, number): secrets.token_bytes(SECRET_BYTES)}
            after = ring._replace(peppers={**ring.peppers, **more})
            if len(after.text()) > FILE_BYTES_MAX:
                raise RegistryRefused("the key file has no room for another pepper")
            replace_file(path, after)
    return number


async def begin(database: Database, actor: Actor, master: MasterKey, programme: int) -> Peppers:
    """Have new cards under the prepared pepper from now on; the present one is in overlap. Done already:
    nothing more. Raises RegistryRefused where none is prepared.
    """
    held = await _check(database, master, programme)
    if held.former is None:
        number = held.newest + 1
        if not master.has_pepper(programme, number):
            raise RegistryRefused("no pepper is prepared: `cityswitch pepper new` makes one")
        await database.run(lambda c: peppers.begin(c, actor, programme, number))
    return await database.run(lambda c: peppers.peppers_of(c, programme))


async def reenter(
    database: Database, actor: Actor, master: MasterKey, programme: int, digits: Iterable[str]
) -> int:
    """Re-enter the cards of a list of numbers that are under the former pepper; return how many were."""
    held = await _check(database, master, programme)
    if held.former is None:
        raise RegistryRefused("no pepper is in overlap: there is nothing to re-enter")
    numbers, done = Numbers(master, programme, held), 0
    for at, each in enumerate(digits, 1):
        numbers.token(each)
        if at % BATCH == 0:
            done += await database.run(lambda c: numbers.reenter(c, actor))
    return done + await database.run(lambda c: numbers.reenter(c, actor))


async def _pause() -> None:
    await trio.sleep(FORGET_S)


async def retire(
    database: Database,
    actor: Actor,
    path: Path,
    master: MasterKey,
    programme: int,
    *,
    pause: Callable[[], Awaitable[None]] = _pause,
) -> list[Left]:
    """End the former pepper and destroy it; return the cards that were under it yet: no number finds them any
    more, and those that could be used are blocked. To be run again after whatever ended it. `pause`: for
    workers to forget former tokens in.

    Raises RegistryRefused where there is no former pepper.
    """
    master.refresh()
    held = await _check(database, master, programme)
    older = _older(master.ring, programme, held.newest)
    left: list[Left] = []
    if held.former is not None:
        place: Place | None = BEGINNING
        while place is not None:
            place, part = await database.run(
                partial(
                    peppers.abandon_batch,
                    actor=actor,
                    programme=programme,
                    pepper=held.newest,
                    draw=master.draw,
                    after=place,
                    limit=CARDS_A_BATCH,
                ),
                timeout_s=COUNT_S_MAX,
            )
            left += part
        await database.run(lambda c: peppers.end(c, actor, programme), timeout_s=COUNT_S_MAX)
        await pause()
    forgotten = await database.run(
        lambda c: peppers.forget_tokens(c, actor, programme), timeout_s=COUNT_S_MAX
    )
    if held.former is None and not older and not forgotten:
        raise RegistryRefused("there is no former pepper")
    if older:
        with replacing(path) as ring:
            gone = _older(ring, programme, held.newest)
            kept = {one: secret for one, secret in ring.peppers.items() if one not in gone}
            replace_file(path, ring._replace(peppers=kept))
        master.refresh()
    return left


def _older(ring: KeyRing, programme: int, newest: int) -> set[tuple[int, int]]:
    return {one for one in ring.peppers if one[0] == programme and one[1] < newest}


async def _check(database: Database, master: MasterKey, programme: int) -> Peppers:
    """Return which peppers hold, if this role may rotate them and the key file is of today."""
    await database.run(check_may_rotate)
    await database.run(lambda c: check_master_key(c, master))
    held = await database.run(lambda c: peppers.peppers_of(c, programme))
    master.pepper(programme, held.newest)
    return held
