"""What the master key promises."""

import os
from pathlib import Path

import pytest

from ledger.errors import SecretsError
from ledger.registry.secrets import MasterKey

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "master.key"


def test_a_wrapped_key_opens_again(path: Path) -> None:
    """What was wrapped opens with the same file, and never looks the same twice."""
    wrapped = MasterKey.create(path).wrap(7, 1, KEY)
    again = MasterKey.load(path)
    assert again.unwrap(7, 1, wrapped) == KEY
    assert again.wrap(7, 1, KEY) != wrapped
    assert KEY not in wrapped


@pytest.mark.parametrize(("terminal", "generation"), [(8, 1), (7, 2)])
def test_a_wrapped_key_is_bound_to_its_place(path: Path, terminal: int, generation: int) -> None:
    """It does not open for another terminal or another generation."""
    master = MasterKey.create(path)
    wrapped = master.wrap(7, 1, KEY)
    with pytest.raises(SecretsError, match="does not open"):
        master.unwrap(terminal, generation, wrapped)


@pytest.mark.parametrize("position", [0, 11, 12, 40, 59])
def test_a_tampered_key_does_not_open(path: Path, position: int) -> None:
    """One bit changed anywhere, or bytes missing, and it does not open."""
    master = MasterKey.create(path)
    wrapped = bytearray(master.wrap(7, 1, KEY))
    wrapped[position] ^= 1
    with pytest.raises(SecretsError, match="does not open"):
        master.unwrap(7, 1, bytes(wrapped))
    with pytest.raises(SecretsError, match="does not open"):
        master.unwrap(7, 1, bytes(wrapped[:position]))


def test_the_file_is_private_and_never_overwritten(path: Path) -> None:
    """Made with mode 0600 whatever the umask; a second create keeps the first."""
    old = os.umask(0)
    try:
        MasterKey.create(path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_bytes()
    with pytest.raises(SecretsError, match="exists already"):
        MasterKey.create(path)
    assert path.read_bytes() == text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    """A key others can read is no key; the error names the cure."""
    MasterKey.create(path)
    path.chmod(mode)
    with pytest.raises(SecretsError, match="chmod 600"):
        MasterKey.load(path)


@pytest.mark.parametrize("text", [b"", b"hello\n", b"cityswitch master key 1\nzz\nzz\n"])
def test_a_damaged_file_is_refused(path: Path, text: bytes) -> None:
    """Empty, foreign or damaged files get one line, never a traceback of another kind."""
    MasterKey.create(path)
    path.write_bytes(text)
    with pytest.raises(SecretsError, match="restore it from its backup"):
        MasterKey.load(path)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    """A missing file and a directory in its place are told apart."""
    with pytest.raises(SecretsError, match="is missing"):
        MasterKey.load(tmp_path / "none")
    with pytest.raises(SecretsError, match="cannot be read"):
        MasterKey.load(tmp_path)


def test_tokens_depend_on_the_pepper(tmp_path: Path) -> None:
    """The same number gives the same token with one key file, and another with another; 64 bits, signed."""
    one, two = MasterKey.create(tmp_path / "one"), MasterKey.create(tmp_path / "two")
    digits = "9245120000000013"
    assert one.pepper(1).token(digits) == MasterKey.load(tmp_path / "one").pepper(1).token(digits)
    assert one.pepper(1).token(digits) != two.pepper(1).token(digits)
    assert one.pepper(1).token(digits) != one.pepper(2).token(digits)
    assert all(-(1 << 63) <= one.pepper(1).token(str(n)) < 1 << 63 for n in range(10**15, 10**15 + 100))


def test_secrets_are_not_shown(path: Path) -> None:
    """The repr of a master key shows none of it."""
    master = MasterKey.create(path)
    for line in path.read_text().splitlines()[1:]:
        assert line not in repr(master)


def test_a_key_of_the_wrong_size_is_refused(path: Path) -> None:
    """Terminal keys have 32 bytes."""
    with pytest.raises(SecretsError, match="32 bytes"):
        MasterKey.create(path).wrap(1, 1, b"short")
