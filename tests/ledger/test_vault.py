"""What the vault of holders' keys promises, and what is sealed with them."""

import errno
import os
import threading
from pathlib import Path

import pytest

from ledger.errors import HolderErased, SecretsError
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import writing
from ledger.registry.sealed import (
    OVERHEAD_BYTES,
    erase_key,
    find_keys,
    give_key,
    key_of,
    new_keys,
    place,
    seal,
    unseal,
    unseal_bytes,
)
from ledger.registry.secrets import MasterKey, vault_path
from ledger.registry.vault import PLACE_BYTES, Destroyed
from tests.ledger.books import TESTER, found_registry

AT = place(1, 8, "person.name")


@pytest.fixture
def master(tmp_path: Path) -> MasterKey:
    return MasterKey.create(tmp_path / "master.key")


def test_a_sealed_text_opens_in_its_place_alone(master: MasterKey) -> None:
    """Another programme, row, column, a bit changed, a part missing: it does not open, nor repeat."""
    (key,) = master.vault.draw()
    sealed = seal(master.vault, key, "Żółć Ęśq", AT)
    assert len(sealed) == len("Żółć Ęśq".encode()) + OVERHEAD_BYTES
    assert sealed != seal(master.vault, key, "Żółć Ęśq", AT)
    assert unseal(master.vault, sealed, AT) == "Żółć Ęśq"
    for at in (place(2, 8, "person.name"), place(1, 80, "person.name"), place(1, 8, "person.phone")):
        with pytest.raises(SecretsError, match="from another place"):
            unseal(master.vault, sealed, at)
    for n in range(len(sealed)):
        for wrong in (sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :], sealed[: n or 1]):
            with pytest.raises(SecretsError) as error:
                unseal(master.vault, wrong, AT)
            assert "Ż" not in str(error.value)
    assert seal(master.vault, key, "", AT) == b""
    assert unseal_bytes(master.vault, b"", AT) == b""


def test_a_destroyed_key_is_gone_from_the_file(master: MasterKey, tmp_path: Path) -> None:
    """Its bytes are overwritten, whoever opens the file; its number is never used again."""
    vault, file = master.vault, vault_path(tmp_path / "master.key")
    first, second, third = vault.draw(3)
    sealed = seal(vault, second, "Anna", AT)
    was = file.read_bytes()[second * PLACE_BYTES :][:PLACE_BYTES]
    reader = MasterKey.load(tmp_path / "master.key").vault
    assert unseal(reader, sealed, AT) == "Anna"
    vault.destroy(second, account=1608)
    for one in (vault, reader, MasterKey.load(tmp_path / "master.key").vault):
        with pytest.raises(HolderErased):
            unseal(one, sealed, AT)
        with pytest.raises(HolderErased):
            seal(one, second, "Anna", AT)
        assert one.destroyed() == [Destroyed(second, 1608)]
    assert was[4:20] not in file.read_bytes()
    assert was[20:40] not in file.read_bytes()
    vault.destroy(second, account=16)
    vault.destroy(third)
    assert vault.destroyed() == [Destroyed(second, 1608), Destroyed(third, 0)]
    assert reader.draw(2) == [4, 5]
    assert vault.count() == 5
    assert unseal(vault, seal(reader, first, "Jan", AT), AT) == "Jan"


def test_a_key_is_on_no_other_place(master: MasterKey, tmp_path: Path) -> None:
    """A place copied over another's opens nothing: a destroyed key cannot be put back as another one."""
    file = vault_path(tmp_path / "master.key")
    first, second = master.vault.draw(2)
    with file.open("r+b") as out:
        content = file.read_bytes()
        out.seek(second * PLACE_BYTES)
        out.write(content[first * PLACE_BYTES :][:PLACE_BYTES])
    with pytest.raises(SecretsError, match="key 2 is damaged"):
        master.vault.cipher(second)
    master.vault.cipher(first)


@pytest.mark.parametrize("torn", [b"K", b"K\0\0\0torn", b"K".ljust(PLACE_BYTES - 1, b"x")])
def test_what_was_torn_by_a_crash_is_written_over(master: MasterKey, tmp_path: Path, torn: bytes) -> None:
    """A place half written belongs to nobody: no count has it, there is no such key, and the next one drawn
    lies there.
    """
    file = vault_path(tmp_path / "master.key")
    master.vault.draw(1)
    with file.open("ab") as out:
        out.write(torn)
    assert master.vault.count() == 1
    assert master.vault.count_under() == {0: 1}
    for job in (master.vault.cipher, master.vault.destroy):
        with pytest.raises(SecretsError, match="there is no key 2"):
            job(2)
    assert master.vault.draw() == [2]
    master.vault.cipher(2)
    assert master.vault.count_under() == {0: 2}
    assert file.stat().st_size == 3 * PLACE_BYTES


def test_a_vault_is_its_owner_s_and_its_master_key_s(master: MasterKey, tmp_path: Path) -> None:
    """Open to others, of another master key, missing after it was there: refused in one line."""
    file = vault_path(tmp_path / "master.key")
    assert not file.exists()
    assert master.vault.count() == 0
    assert master.vault.destroyed() == []
    with pytest.raises(SecretsError, match="is missing: restore its newest copy"):
        master.vault.cipher(1)
    master.vault.draw()
    assert file.stat().st_mode & 0o777 == 0o600
    other = MasterKey.create(tmp_path / "other.key")
    other.vault.draw()
    os.replace(tmp_path / "other.key.vault", file)
    with pytest.raises(SecretsError, match="no vault of this master key"):
        master.vault.cipher(1)
    file.chmod(0o640)
    with pytest.raises(SecretsError, match="open to others"):
        master.vault.draw()
    file.chmod(0o600)
    os.replace(file, tmp_path / "other.key.vault")
    for none in (0, 2, -1):
        with pytest.raises(SecretsError, match=f"there is no key {none}"):
            other.vault.destroy(none)
        with pytest.raises(SecretsError, match=f"there is no key {none}"):
            other.vault.cipher(none)


def test_two_that_draw_at_once_get_different_keys(master: MasterKey, tmp_path: Path) -> None:
    """Each process has its own numbers, from the first key on."""
    drawn: list[int] = []

    def draw() -> None:
        vault = MasterKey.load(tmp_path / "master.key").vault
        for _ in range(20):
            drawn.extend(vault.draw(2))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == list(range(1, 161))
    for key in drawn:
        master.vault.cipher(key)


async def test_whose_key_it_is(owner: Database, master: MasterKey) -> None:
    """An account has one; an applicant's becomes the account's, and all that it sealed goes with it."""
    vault = master.vault

    async def job(c: Connection) -> None:
        await found_registry(c, 2)
        async with writing(c, TESTER):
            key = await key_of(c, vault, 1, 8)
            assert await key_of(c, vault, 1, 8) == key
            (applicant,) = await new_keys(c, vault, 1, [None])
            sealed = seal(vault, applicant, "Anna", place(1, 1, "application.name"))
            await give_key(c, applicant, 16)
            assert await find_keys(c, [8, 16, 24]) == {8: key, 16: applicant}
            await erase_key(c, vault, applicant)
        with pytest.raises(HolderErased):
            unseal(vault, sealed, place(1, 1, "application.name"))
        assert await find_keys(c, [8, 16]) == {8: key}
        assert vault.destroyed() == [Destroyed(applicant, 16)]
        async with writing(c, TESTER):
            await erase_key(c, vault, applicant)

    await owner.run(job)


async def test_an_older_vault_draws_nothing(owner: Database, master: MasterKey, tmp_path: Path) -> None:
    """A copy from before the newest key would give its number away twice: it is refused."""
    vault = master.vault

    async def draw(c: Connection, count: int) -> None:
        async with writing(c, TESTER):
            await new_keys(c, vault, 1, [None] * count)

    await owner.run(lambda c: found_registry(c, 1))
    await owner.run(lambda c: draw(c, 2))
    older = vault_path(tmp_path / "master.key").read_bytes()[: 2 * PLACE_BYTES]
    vault_path(tmp_path / "master.key").write_bytes(older)
    with pytest.raises(SecretsError, match="older than the database, which knows key 2"):
        await owner.run(lambda c: draw(c, 1))
    vault_path(tmp_path / "master.key").unlink()
    with pytest.raises(SecretsError, match="older than the database"):
        await owner.run(lambda c: draw(c, 1))


def test_a_copy_takes_the_place_of_the_older_one(master: MasterKey, tmp_path: Path) -> None:
    """What was destroyed is in no copy: not in the new one, and the older one's bytes are overwritten."""
    first, second = master.vault.draw(2)
    sealed = seal(master.vault, first, "Anna", AT)
    to = tmp_path / "safe.vault"
    assert master.vault.copy_to(to) == 2
    os.link(to, tmp_path / "what the older copy was written on")
    older = to.read_bytes()
    master.vault.destroy(second, account=8)
    assert master.vault.copy_to(to) == 2
    assert to.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "what the older copy was written on").read_bytes() == bytes(len(older))
    os.replace(to, vault_path(tmp_path / "master.key"))
    again = MasterKey.load(tmp_path / "master.key").vault
    assert unseal(again, sealed, AT) == "Anna"
    assert again.destroyed() == [Destroyed(second, 8)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "master.key", "master.key.vault", "what the older copy was written on",
    ]  # fmt: skip


def test_a_key_is_on_the_disk_whole_before_it_has_a_number(
    master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk takes a few bytes at a time: all are written; takes none any more: no key is handed out, and
    nothing of it stays.
    """
    whole = os.pwrite
    monkeypatch.setattr("ledger.registry.vault.os.pwrite", lambda file, data, at: whole(file, data[:7], at))
    keys = master.vault.draw(3)
    texts = [seal(master.vault, key, "x", AT) for key in keys]
    assert [unseal(master.vault, text, AT) for text in texts] == ["x"] * 3

    def full(file: int, data: bytes, at: int) -> int:
        if at > (keys[-1] + 2) * PLACE_BYTES:
            raise OSError(errno.ENOSPC, "full")
        return whole(file, data[:7], at)

    monkeypatch.setattr("ledger.registry.vault.os.pwrite", full)
    with pytest.raises(OSError, match="full"):
        master.vault.draw(2)
    monkeypatch.undo()
    assert master.vault.count_under() == {0: 3}
    (after,) = master.vault.draw()
    assert after == keys[-1] + 1
    assert unseal(master.vault, seal(master.vault, after, "y", AT), AT) == "y"
