"""What is written beside a file: it has its place or is gone, whoever was killed over it."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import SecretsError
from ledger.registry.beside import left_beside, remove_left, written_beside
from ledger.registry.secrets import MasterKey, vault_path
from tests.patience import HANG_S

DIES = """
import os, signal, sys
from pathlib import Path
from ledger.registry.secrets import MasterKey

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

master = MasterKey.load(Path(sys.argv[1]))
os.replace = die
exec(sys.argv[2])
"""


def killed(key: Path, doing: str) -> None:
    """Do something with a master key in a process that is killed as what it wrote is to take its place."""
    run = subprocess.run([sys.executable, "-c", DIES, str(key), doing], timeout=HANG_S, check=False)
    assert run.returncode == -9


@pytest.fixture
def key(tmp_path: Path) -> Path:
    MasterKey.create(tmp_path / "master.key")
    return tmp_path / "master.key"


def test_a_killed_copy_of_the_vault_is_gone_with_the_next(key: Path, tmp_path: Path) -> None:
    """Its bytes are overwritten: a key that is destroyed later is in no file that nobody looks after."""
    master, safe = MasterKey.load(key), tmp_path / "safe"
    safe.mkdir()
    master.vault.draw(3)
    killed(key, f"master.vault.copy_to(Path({str(safe / 'keys')!r}))")
    (left,) = left_beside(safe / "keys")
    assert left.read_bytes() == vault_path(key).read_bytes()
    link = tmp_path / "what it was written on"
    os.link(left, link)
    others = [safe / name for name in (".keys.0123456789abcde", ".keys.old", "keys.0123456789abcdef")]
    for other in others:
        other.write_bytes(b"of somebody else")
    assert master.vault.copy_to(safe / "keys") == 3
    assert set(safe.iterdir()) == {safe / "keys", *others}
    assert {other.read_bytes() for other in others} == {b"of somebody else"}
    assert link.read_bytes() == bytes(vault_path(key).stat().st_size)


def test_a_vault_whose_making_was_killed_is_made(key: Path) -> None:
    """The first key is drawn by the next, and nothing lies beside the vault then."""
    killed(key, "master.vault.draw()")
    assert len(left_beside(vault_path(key))) == 1
    assert not vault_path(key).exists()
    assert MasterKey.load(key).vault.draw() == [1]
    assert set(key.parent.iterdir()) == {key, vault_path(key)}


def test_what_a_living_writer_has_beside_is_left_alone(tmp_path: Path) -> None:
    """It still takes its place; what has its place, or is gone, is nobody's to remove."""
    path = tmp_path / "keys"
    with written_beside(path, b"new") as beside:
        remove_left(path)
        assert left_beside(path) == [beside]
        os.replace(beside, path)
        remove_left(path)
    assert path.read_bytes() == b"new"
    with pytest.raises(KeyboardInterrupt), written_beside(path, b"newer"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [path]
    assert left_beside(tmp_path / "no folder" / "keys") == []


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    """A file with keys in it that stays is no success, and a link leads nowhere else."""
    path, other = tmp_path / "keys", tmp_path / "other"
    other.write_bytes(b"of somebody else")
    (tmp_path / ".keys.0123456789abcdef").symlink_to(other)
    with pytest.raises(SecretsError, match="has keys in it and cannot be removed"):
        remove_left(path)
    assert other.read_bytes() == b"of somebody else"


def test_many_that_write_at_once_take_nothing_from_each_other(tmp_path: Path) -> None:
    """Each content has its place once, whole, and nothing is left."""
    path, faults = tmp_path / "keys", list[BaseException]()

    def write(content: bytes) -> None:
        for _ in range(20):
            with written_beside(path, content) as beside:
                os.replace(beside, path)
            assert path.read_bytes() in contents

    contents = [bytes([n]) * 500 for n in range(8)]
    threads = [threading.Thread(target=_kept(write, content, faults)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(tmp_path.iterdir()) == [path]


def _kept(write: Callable[[bytes], None], content: bytes, faults: list[BaseException]) -> Callable[[], None]:
    """A call that keeps what goes wrong in it."""

    def call() -> None:
        try:
            write(content)
        except BaseException as error:
            faults.append(error)

    return call
