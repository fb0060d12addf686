"""What a harness is, and what an escape is.

Owns the shape of a harness and of what it says of one input. Knows no harness. Invariant: `run` returns for
every input there is; whatever it raises is an escape, and so is one that takes `HANG_CPU_S` of a processor.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, NamedTuple

HANG_CPU_S: Final = 20.0
"""Processor time, not time: a busy machine hangs nobody. The slowest input there is takes some 0.02 s."""


class Outcome(NamedTuple):
    """What came of an input: `kind` is counted, a `detail` that was never seen makes it worth keeping."""

    kind: str
    detail: object = None


class Target(NamedTuple):
    """A way in, as a function of bytes.

    `modules`: whose edges guide it; whatever begins with one of these names. `past`: the kinds of outcome
    that are past the tag check, where there is one.
    """

    name: str
    run: Callable[[bytes], Outcome]
    seeds: Callable[[], list[bytes]]
    mutate: Callable[[random.Random, bytes, list[bytes]], bytes]
    modules: tuple[str, ...]
    length_max: int
    past: frozenset[str] = frozenset()


class Escape(Exception):
    """An input of which something else came than the documented answer."""
