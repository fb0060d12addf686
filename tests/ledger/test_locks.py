"""Every advisory lock has one number, and every number one place where it stands."""

import re
from collections.abc import Iterator
from pathlib import Path

from ledger.postgres import locks
from ledger.postgres.locks import NODE_SPACE, AdvisoryLock

ROOT = Path(__file__).parents[2]
PARTS = ("bench", "ledger", "ops", "protocol", "simulators", "switch", "tests")
NAMED = {name: lock for name, lock in vars(locks).items() if isinstance(lock, AdvisoryLock)}
CALL = re.compile(r"pg_(?:try_)?advisory_\w*lock\w*\(([^()]*)")


def sources(suffix: str) -> Iterator[Path]:
    for part in PARTS:
        yield from (ROOT / part).rglob(f"*{suffix}")


def test_no_two_locks_have_one_number() -> None:
    """Two names of one number would wait for each other; the node numbers' space is nobody else's."""
    assert len(NAMED) >= 6
    assert len(set(NAMED.values())) == len(NAMED)
    assert NODE_SPACE not in {lock.space for lock in NAMED.values()}


def test_python_names_every_lock() -> None:
    """No statement outside of `locks.py` has a lock's number written out, whole or in part."""
    spelled = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in sources(".py")
        if path not in (Path(locks.__file__), Path(__file__))
        for found in re.finditer(rf"{locks.SPACE // 100}\d\d|{CALL.pattern}", path.read_text())
        if not (found[1] and re.fullmatch(r"[$\d, ]*\$\d|\{[A-Za-z_.]+\}(?:, n)?", found[1]))
    ]
    assert spelled == []


def test_the_migrations_numbers_are_these() -> None:
    """SQL has bare numbers: each is one that is named, and none is taken by an expression."""
    taken = {
        f"{path.name}: {found[1]}": found[1]
        for path in sources(".sql")
        for found in CALL.finditer(path.read_text())
    }
    assert taken
    unknown = {where for where, numbers in taken.items() if numbers not in map(str, NAMED.values())}
    assert unknown == set()
