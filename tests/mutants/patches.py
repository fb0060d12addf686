"""The planted bugs: one patch each, with a head that says what it breaks and what ought to find it.

Owns the reading of these files and the making of a copy to break. Must not know how a bug is found.
Invariant: the checkout itself is never changed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parents[1]
_HEAD: Final = re.compile(r"Breaks: (?P<breaks>.+)\nFound by: (?P<found_by>.+)\n\n--- a/")


class Mutant(NamedTuple):
    """A planted bug: the promise it breaks, and what ought to find it ("world", "differential", a file)."""

    name: str
    breaks: str
    found_by: str
    path: Path


class PatchError(Exception):
    """A patch has no head, or does not apply to the present tree."""


def mutants() -> list[Mutant]:
    """Return all of them, by name. Raises `PatchError`."""
    return [_read(path) for path in sorted(FOLDER.glob("*.patch"))]


def _read(path: Path) -> Mutant:
    head = _HEAD.match(path.read_text(encoding="utf-8"))
    if head is None:
        raise PatchError(f"{path.name}: no head of 'Breaks:' and 'Found by:' before the patch")
    return Mutant(path.stem, head["breaks"], head["found_by"], path)


def check(mutant: Mutant, copy: Path) -> None:
    """See that a bug can be planted in a copy. Raises `PatchError`."""
    _apply(mutant, copy, "--check")


@contextmanager
def planted(mutant: Mutant, copy: Path) -> Iterator[None]:
    """Break a copy for as long as the block lasts. Raises `PatchError`."""
    _apply(mutant, copy)
    try:
        yield
    finally:
        _apply(mutant, copy, "--reverse")


def _apply(mutant: Mutant, copy: Path, *how: str) -> None:
    # The copy lies in no repository, so git takes the paths as they are.
    command = ["git", "apply", *how, str(mutant.path)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise PatchError(f"{mutant.name} does not apply: {done.stderr.strip()}")


@contextmanager
def copy_of_the_checkout() -> Iterator[Path]:
    """Yield a copy of what git knows here, as it stands now, in a folder of its own; nothing compiled."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder) / name)
        yield Path(folder)
