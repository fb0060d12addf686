"""The keys of one terminal: the one it was given, and newer ones it got over the wire (SPEC.md, section 3).

Owns which of them a handshake is tried with, and in which order. They rest in the terminal's memory
(`store`), the newer one before it is used for the first time. Must not know sockets. Invariants: the newest
goes first; an older one is kept until the switch has accepted a newer, and never used again after that.
"""

from simulators.till.identity import TerminalIdentity
from simulators.till.records import HeldKey
from simulators.till.store import TerminalMemory


class Keyring:
    """What a terminal may say it is: `given` from outside, and what its memory holds."""

    def __init__(self, given: TerminalIdentity, memory: TerminalMemory) -> None:
        self._given = given
        self._memory = memory

    @property
    def newest(self) -> int:
        """The newest generation held."""
        return self.candidates()[0].generation

    def candidates(self) -> list[TerminalIdentity]:
        """What to try, newest first: what is older than an accepted generation is not among it."""
        held = {self._given.generation: self._given}
        for key in self._memory.keys:
            held[key.generation] = TerminalIdentity(self._given.terminal, key.key, key.generation)
        usable = [held[generation] for generation in held if generation >= self._memory.accepted_generation]
        # A memory of newer keys than the operator has: what was given is all there is.
        return sorted(usable, key=lambda one: -one.generation) or [self._given]

    def keep(self, generation: int, key: bytes) -> None:
        """Store a key that came over the wire; it is used from the next handshake on."""
        self._memory.keep_key(HeldKey(generation, key))

    def accepted(self, generation: int) -> None:
        """The switch has accepted this generation: forget the older ones."""
        if generation > self._memory.accepted_generation:
            self._memory.accept_key(generation)
