"""The file of the master key: one key, or the former beside the new one; whole whatever happens to it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import SecretsError
from ledger.registry.key_ring import KeyRing, parse_ring, read_file, replace_file, replacing, vault_secret
from ledger.registry.secrets import MasterKey, number_of, vault_path
from ledger.registry.vault import PLACE_BYTES, Vault

KEY = bytes(range(32))
NEXT = b"n" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    MasterKey.create(tmp_path / "master.key")
    return tmp_path / "master.key"


def add_key(path: Path, *, wraps: bool = True) -> None:
    """Let the file have key 1 too."""
    with replacing(path) as ring:
        replace_file(path, ring._replace(keys=ring.keys | {1: NEXT}, wraps=int(wraps)))


def test_a_ring_is_read_as_it_was_written(path: Path) -> None:
    """Of one key, of two, of the second alone: the file says it, and shows no secret in a repr."""
    first = read_file(path)[0]
    assert path.read_bytes().startswith(b"cityswitch master key 1\n")
    for ring in (
        first,
        first._replace(keys=first.keys | {1: NEXT}),
        first._replace(keys={7: NEXT}, wraps=7),
    ):
        assert parse_ring(ring.text()) == ring
        assert ring.pepper.hex() not in repr(ring)
    assert first.text() == path.read_bytes()


GOOD = KeyRing({0: b"a" * 32, 1: b"b" * 32}, 1, b"p" * 32, b"s" * 32).text()


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(b"wraps 1", b"wraps 2"),
        GOOD.replace(b"wraps 1", b"wraps x"),
        GOOD.replace(b"wraps 1\n", b""),
        GOOD.replace(b"key 1", b"key 256"),
        GOOD.replace(b"key 1", b"key"),
        GOOD.replace(b"key 1 62", b"key 1 "),
        GOOD.replace(b"pepper", b"salt"),
        GOOD + b"key 2\n",
        GOOD + b"\n",
        GOOD[: len(GOOD) // 2],
        GOOD.replace(b"key 1", b"key 1 2"),
        GOOD.replace(b"key 1", b"key \xff"),
    ],
)
def test_a_damaged_ring_is_refused(path: Path, text: bytes) -> None:
    """Whatever is missing or too much: one line, never a traceback of another kind."""
    path.write_bytes(text)
    with pytest.raises(SecretsError, match="restore it from its backup"):
        MasterKey.load(path)


LINES = [
    *GOOD.splitlines(keepends=True)[1:],
    *(word + b" " + b"61" * 32 + b"\n" for word in (b"key -1", b"key 1_0", b"key 300", b"key", b"pepper")),
    *(b"\n", b"wraps -1\n", b"wraps 0\n", b"key " + b"9" * 5000),
]


@given(
    st.binary(max_size=400)
    | st.lists(st.sampled_from(LINES), max_size=9).map(lambda lines: GOOD[:24] + b"".join(lines))
)
def test_whatever_a_file_holds_it_is_a_ring_or_damaged(text: bytes) -> None:
    """No bytes are read as a ring whose keys cannot wrap, nor raise anything else."""
    try:
        ring = parse_ring(text)
    except ValueError:
        return
    if ring is not None:
        assert ring.wraps in ring.keys
        assert all(0 <= number <= 255 and len(key) == 32 for number, key in ring.keys.items())


def test_a_replaced_file_keeps_its_mode_and_leaves_no_old_bytes(path: Path) -> None:
    """Mode 0600; what was there is overwritten for whoever has it open, or linked; nothing lies beside it."""
    link = path.with_name("linked")
    os.link(path, link)
    was = path.read_bytes()
    add_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert link.read_bytes() == bytes(len(was))
    link.unlink()
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_process_left_beside_is_overwritten(path: Path) -> None:
    """Whoever replaces next removes what has keys in clear, and no file of another name."""
    MasterKey.load(path).vault.draw()
    left = path.with_name(f".{path.name}.0123456789abcdef")
    left.write_bytes(path.read_bytes())
    link = path.with_name("linked")
    os.link(left, link)
    names = (
        ".master.key.vault.0123456789abcdef",
        ".master.key.0123456789abcde",
        ".masterXkey.0123456789abcdef",
    )
    others = [path.with_name(name) for name in names]
    for other in others:
        other.write_bytes(b"of somebody else")
    with replacing(path):
        assert link.read_bytes() == bytes(path.stat().st_size)
    link.unlink()
    assert set(path.parent.iterdir()) == {path, vault_path(path), *others}
    assert {other.read_bytes() for other in others} == {b"of somebody else"}


def test_what_cannot_be_removed_is_told(path: Path) -> None:
    """A file with keys in it that stays is no success."""
    path.with_name(f".{path.name}.0123456789abcdef").mkdir()
    with pytest.raises(SecretsError, match="has keys in it and cannot be removed"):
        add_key(path)


@pytest.mark.parametrize("ending", [OSError(28, "full"), KeyboardInterrupt()])
def test_nothing_lies_beside_a_file_that_could_not_be_replaced(
    path: Path, monkeypatch: pytest.MonkeyPatch, ending: BaseException
) -> None:
    """A full disk, or a command that was interrupted: the file is what it was, and the only one."""
    was = path.read_bytes()

    def end(*_: object) -> None:
        raise ending

    monkeypatch.setattr("ledger.registry.key_ring.os.replace", end)
    with pytest.raises((SecretsError, KeyboardInterrupt)):
        add_key(path)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == was


def test_a_link_to_a_key_file_stays_one(path: Path) -> None:
    """The file it leads to is replaced, and what lay beside that is gone; the link leads to the new one."""
    home = path.with_name("elsewhere")
    home.mkdir()
    real = home / "real.key"
    path.rename(real)
    path.symlink_to(real)
    (home / ".real.key.0123456789abcdef").write_bytes(real.read_bytes())
    add_key(path)
    assert path.readlink() == real
    assert sorted(read_file(real)[0].keys) == sorted(MasterKey.load(path).ring.keys) == [0, 1]
    assert list(home.iterdir()) == [real]


def test_a_file_that_was_unreadable_is_read_once_it_is_not(path: Path) -> None:
    """Brought with the wrong mode it changes nothing; after a chmod alone it is taken over."""
    master = MasterKey.load(path)
    add_key(path)
    path.chmod(0o640)
    assert not master.refresh()
    path.chmod(0o600)
    assert master.refresh()
    assert sorted(master.ring.keys) == [0, 1]


def test_a_loaded_key_learns_of_another_by_itself(path: Path) -> None:
    """A process that loaded the file before opens what is wrapped under a later key, and wraps under it."""
    before = MasterKey.load(path)
    old = before.wrap(7, 1, KEY)
    add_key(path)
    after = MasterKey.load(path)
    new = after.wrap(7, 2, KEY)
    assert (number_of(old), number_of(new), len(old), len(new)) == (0, 1, 60, 61)
    assert before.unwrap(7, 2, new) == after.unwrap(7, 1, old) == KEY
    assert number_of(before.wrap(7, 3, KEY)) == 1
    with pytest.raises(SecretsError, match="does not open"):
        after.unwrap(7, 2, b"\x02" + new[1:])
    assert before.check_value != MasterKey.load(path).ring.check_value(0)
    assert before.has_check(after.ring.check_value(0))


def test_a_prepared_key_wraps_nothing(path: Path) -> None:
    """A key that is only in the file is for reading: what is wrapped is under the former."""
    master = MasterKey.load(path)
    add_key(path, wraps=False)
    assert number_of(master.wrap(7, 1, KEY)) == 0


def test_another_installation_s_file_is_not_taken_over(path: Path) -> None:
    """A file of another pepper, or a broken one, put in the place changes nothing in who has loaded."""
    master = MasterKey.load(path)
    old = master.wrap(7, 1, KEY)
    path.unlink()
    MasterKey.create(path)
    assert not master.refresh()
    path.write_bytes(b"nonsense")
    assert not master.refresh()
    path.unlink()
    assert not master.refresh()
    assert master.unwrap(7, 1, old) == KEY


def test_a_vault_draws_by_the_key_in_its_head(path: Path) -> None:
    """All who draw follow the vault itself, also one who loaded before; baskets stay what they were."""
    old = MasterKey.load(path)
    old.vault.draw(5)
    secrets = [old.vault.mac(key, "x") for key in range(1, 6)]
    add_key(path)
    new = MasterKey.load(path)
    new.vault.draw()
    assert new.vault.count_under() == {0: 6}
    new.vault.wraps_under(1)
    old.vault.draw()
    old.vault.destroy(2)
    assert new.vault.count_under() == {0: 5, 1: 1}
    assert [new.vault.rewrap(first, 4) for first in (1, 5)] == [0, 0]
    assert old.vault.count_under() == {1: 6}
    assert [old.vault.mac(key, "x") for key in (1, 3, 4, 5)] == [secrets[n] for n in (0, 2, 3, 4)]
    assert old.vault.destroyed() == new.vault.destroyed() == [(2, 0)]
    assert old.vault.basket("44051401359") == new.vault.basket("44051401359")


def test_a_damaged_holder_s_key_stays_what_it_is(path: Path) -> None:
    """What does not open is counted and left, byte for byte; the rest of the batch is wrapped anew."""
    master = MasterKey.load(path)
    master.vault.draw(3)
    add_key(path)
    master.refresh()
    file = vault_path(path)
    broken = bytearray(file.read_bytes())
    broken[2 * PLACE_BYTES + 20] ^= 1
    file.write_bytes(broken)
    master.vault.wraps_under(1)
    assert master.vault.rewrap(1, 10) == 1
    assert master.vault.count_under() == {0: 1, 1: 2}
    assert file.read_bytes()[2 * PLACE_BYTES : 3 * PLACE_BYTES] == broken[2 * PLACE_BYTES : 3 * PLACE_BYTES]
    with pytest.raises(SecretsError, match="key 2 is damaged"):
        master.vault.cipher(2)


def test_a_vault_under_a_destroyed_key_is_refused(path: Path) -> None:
    """An older copy of a vault, from before a rotation, is not this key's any more."""
    MasterKey.load(path).vault.draw()
    with replacing(path) as ring:
        replace_file(path, ring._replace(keys={1: NEXT}, wraps=1))
    with pytest.raises(SecretsError, match="no vault of this master key"):
        MasterKey.load(path).vault.draw()


def test_a_key_torn_between_two_writings_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who meets half of a place that is being wrapped anew waits for the writer and reads again."""
    master = MasterKey.load(path)
    master.vault.draw()
    known = master.vault.mac(1, "x")
    real = os.pread
    torn = iter([True])

    def pread(file: int, count: int, offset: int) -> bytes:
        found = real(file, count, offset)
        if offset == PLACE_BYTES and count == PLACE_BYTES and next(torn, False):
            return found[:32] + bytes(32)
        return found

    monkeypatch.setattr(os, "pread", pread)
    assert master.vault.mac(1, "x") == known


def test_a_ring_in_memory_has_a_vault_too() -> None:
    """A simulated world's vault turns with its ring."""
    ring = KeyRing.first(b"w" * 32, b"p" * 32)
    vault = Vault(None, ring, os.urandom)
    vault.draw(3)
    vault.take(ring._replace(keys=ring.keys | {1: NEXT}, wraps=1))
    vault.wraps_under(1)
    assert vault.rewrap(1, 3) == 0
    assert vault.count_under() == {1: 3}
    assert vault_secret(NEXT) != NEXT
