"""Owns the turning of card numbers into tokens wherever the registry is written or asked by number.

A number has one token under each pepper that holds; its card stands under one of them. Whoever looks asks for
all (`tokens`); whoever writes goes on with the newest alone (`token`), after `reenter` has brought what stood
under the former one there. Workers do the same from memory (`switch.rules.directory`). Must not keep a
number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ledger.postgres.database import Connection
from ledger.registry import peppers as registry
from ledger.registry.audit import Actor
from ledger.registry.peppers import Peppers, peppers_of, read_peppers
from ledger.registry.secrets import MasterKey

BATCH: Final = 1_000


class Numbers:
    """The numbers of one programme's cards, by the peppers that held when it was made."""

    def __init__(self, master: MasterKey, programme: int, peppers: Peppers) -> None:
        """Raises SecretsError where the key file lacks one of the peppers."""
        self.programme = programme
        self._pepper = peppers.newest
        self._newest = master.pepper(programme, peppers.newest).token
        self._former: Callable[[str], int] | None = None
        if peppers.former is not None:
            self._former = master.pepper(programme, peppers.former).token
        self._named: dict[int, int] = {}

    @classmethod
    async def of(cls, connection: Connection, master: MasterKey, programme: int) -> Numbers:
        """Return those of a programme. Raises NotInRegistry, SecretsError."""
        return cls(master, programme, await peppers_of(connection, programme))

    @classmethod
    async def of_all(cls, connection: Connection, master: MasterKey) -> list[Numbers]:
        """Return those of each programme that this role may see. Raises SecretsError."""
        return [cls(master, *one) for one in (await read_peppers(connection)).items()]

    @property
    def pepper(self) -> int:
        """The number of the pepper of all tokens, for cards that are added.

        None is added before its number was looked for under the former pepper: a number has one card.
        """
        assert not self._named, "re-enter first what was named"
        return self._pepper

    def tokens(self, digits: str) -> list[int]:
        """Return every token that a number's card may be known by, to look for it."""
        newest = self._newest(digits)
        return [newest] if self._former is None else [newest, self._former(digits)]

    def token(self, digits: str) -> int:
        """Return the token that a number's card has once it is re-entered, and note the number for that."""
        token, *former = self.tokens(digits)
        self._named.update((each, token) for each in former)
        return token

    async def reenter(self, connection: Connection, actor: Actor) -> int:
        """Re-enter the cards named by `token` since the last call; return how many stood under the former
        pepper.
        """
        named, self._named = list(self._named.items()), {}
        parts = [dict(named[begin : begin + BATCH]) for begin in range(0, len(named), BATCH)]
        return sum(
            [await registry.reenter(connection, actor, self.programme, self._pepper, part) for part in parts]
        )
