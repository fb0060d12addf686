"""The master key is rotated while it is used: killed anywhere, with the wrong file, with the new key lost."""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import RegistryRefused, SecretsError, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import writing
from ledger.registry.installation import adopt_master_key, check_master_key
from ledger.registry.key_ring import replace_file, replacing
from ledger.registry.keys import issue_keys, list_keys
from ledger.registry.rewrapping import read_wrapping
from ledger.registry.sealed import new_keys
from ledger.registry.secrets import MasterKey, vault_path
from ledger.registry.terminals import NewTerminal, import_terminals
from ledger.registry.vault import PLACE_BYTES
from ops.office import master_key as rotation
from ops.office.master_key import KeyState, destroy, make_key, read_states, rewrap
from tests.ledger.books import PARTNER, TESTER, found_registry, write_registry

TERMINALS = range(1, 8)
HOLDERS = 7


def secret_of(terminal: int, generation: int) -> bytes:
    """The key of a terminal, by which it is known again."""
    return bytes([terminal, generation]) * 16


@pytest.fixture
async def path(owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with seven terminals' and seven holders' keys, to be wrapped anew two at a time."""
    monkeypatch.setattr(rotation, "KEYS_A_BATCH", 2)
    monkeypatch.setattr(rotation, "PLACES_A_BATCH", 2)
    master = MasterKey.create(tmp_path / "master.key")

    async def job(connection: Connection) -> None:
        await found_registry(connection, 0)
        await adopt_master_key(connection, TESTER, master)
        await import_terminals(connection, TESTER, [NewTerminal(n, PARTNER) for n in TERMINALS])
        await issue_keys(connection, TESTER, master, {n: secret_of(n, 1) for n in TERMINALS})

    await owner.run(job)
    master.vault.draw(HOLDERS)
    return tmp_path / "master.key"


async def open_all(owner: Database, master: MasterKey) -> None:
    """Every key there is opens to what it was made as."""
    await owner.run(lambda c: check_master_key(c, master))
    rows = await owner.run(
        lambda c: c.fetch("select terminal, generation, wrapped from registry.terminal_key")
    )
    assert len(rows) >= len(TERMINALS)
    for terminal, generation, wrapped in rows:
        assert master.unwrap(terminal, generation, wrapped) == secret_of(terminal, generation)
    for key in range(1, master.vault.count() + 1):
        master.vault.cipher(key)


def text_of(path: Path) -> bytes:
    """What the key file holds."""
    return path.read_bytes()


def texts_beside(path: Path) -> bytes:
    """What all files of the key file's folder hold."""
    return b"".join(one.read_bytes() for one in sorted(path.parent.iterdir()))


def put(path: Path, text: bytes) -> None:
    """Put a copy of a key file in its place."""
    path.write_bytes(text)


class Killed(BaseException):
    """The process ends here."""


async def try_killed_at(
    step: int, monkeypatch: pytest.MonkeyPatch, job: Callable[[], Awaitable[Any]]
) -> bool:
    """Do a job in a process that ends before its so manieth writing or question; whether it came through."""
    left = step

    def counted(do: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left <= 0:  # whoever is dead tidies nothing up
                raise Killed
            return do(*given, **named)

        return call

    with monkeypatch.context() as patched:
        for name in ("replace", "pwrite", "fsync", "open", "unlink", "ftruncate"):
            patched.setattr(os, name, counted(getattr(os, name)))
        patched.setattr(Database, "run", counted(Database.run))
        try:
            await job()
        except Killed:
            return False
    return True


async def test_a_rotation_killed_at_every_step_comes_to_its_end(
    owner: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ends, everything opens, for a process from before and for one that begins, and new keys are
    made; done again, it comes through, and nothing is under the former key.
    """
    long_before, made = MasterKey.load(path), 0
    first = long_before.ring.keys[0]

    async def and_all_opens() -> None:
        nonlocal made
        made += 1
        await open_all(owner, long_before)
        await open_all(owner, MasterKey.load(path))
        if made % 5 == 0:
            key = secret_of(7, 1 + made // 5)
            await owner.run(lambda c: issue_keys(c, TESTER, long_before, {7: key}))
            long_before.vault.draw()

    async def whole() -> None:
        if len(MasterKey.load(path).ring.keys) == 1:
            make_key(path)
        await rewrap(owner, TESTER, path, MasterKey.load(path))

    step = 0
    while not await try_killed_at(step := step + 1, monkeypatch, whole):
        await and_all_opens()
    assert step > 10
    states = await read_states(owner, MasterKey.load(path))
    assert [(one.number, one.state) for one in states] == [(0, "former"), (1, "wraps")]
    assert states[0] == KeyState(0, "former", 0, 0)
    assert states[1].holders_keys == long_before.vault.count()
    for step in range(1, 21):  # the last ones die after it was done, before the old bytes were overwritten
        with suppress(RegistryRefused):
            job = partial(destroy, owner, TESTER, path, MasterKey.load(path))
            await try_killed_at(step, monkeypatch, job)
        await open_all(owner, MasterKey.load(path))
    assert first.hex().encode() not in texts_beside(path)
    long_before.refresh()
    assert list(long_before.ring.keys) == [1]
    await open_all(owner, long_before)
    with pytest.raises(RegistryRefused, match="no older key"):
        await destroy(owner, TESTER, path, MasterKey.load(path))


async def test_nothing_is_destroyed_that_something_needs(owner: Database, path: Path) -> None:
    """Before the new key wraps, and while one terminal's or holder's key is under the former, it stays; also
    where only the database knows.
    """
    master = MasterKey.load(path)
    with pytest.raises(RegistryRefused, match="no older key"):
        await destroy(owner, TESTER, path, master)
    with pytest.raises(RegistryRefused, match="no newer key"):
        await rewrap(owner, TESTER, path, master)
    assert make_key(path) == make_key(path) == 1
    master.refresh()
    with pytest.raises(RegistryRefused, match="has not ended"):
        await destroy(owner, TESTER, path, master)
    stays = MasterKey(master.ring.keys[0], master.ring.pepper).wrap(3, 1, secret_of(3, 1))
    done = await rewrap(owner, TESTER, path, master)
    assert (done.terminal_keys, done.left, done.damaged) == (7, 0, [])
    await set_wrapped(owner, 3, stays)
    with pytest.raises(RegistryRefused, match="1 keys are under an older key"):
        await destroy(owner, TESTER, path, master)
    with pytest.raises(StatementRefused, match="run cityswitch master-key rewrap"):
        await owner.run(lambda c: write_registry(c, "update registry.installation set wrapping_least = 1"))
    with pytest.raises(RegistryRefused, match="key 0 is there yet"):
        make_key(path)
    assert (await rewrap(owner, TESTER, path, master)).terminal_keys == 1
    assert await destroy(owner, TESTER, path, master) == [0]
    with pytest.raises(StatementRefused, match="restore the newest key file"):
        await set_wrapped(owner, 3, stays)
    await open_all(owner, MasterKey.load(path))
    assert make_key(path) == 2


async def test_without_the_vault_nothing_is_rotated(owner: Database, path: Path, tmp_path: Path) -> None:
    """Where the vault does not lie, or an older copy of it, nobody sees what is under the former key: no key
    wraps anew or is destroyed there, and every holder's opens afterwards.
    """
    key = await owner.run(lambda c: draw_for_a_holder(c, MasterKey.load(path)))
    make_key(path)
    before = text_of(path)
    whole = vault_path(path).read_bytes()
    vault_path(path).unlink()
    for vault in (b"", whole[:-PLACE_BYTES]):
        if vault:
            put(vault_path(path), vault)
            vault_path(path).chmod(0o600)
        has = max(len(vault) // PLACE_BYTES - 1, 0)
        for job in (rewrap, destroy):
            with pytest.raises(
                RegistryRefused, match=rf"holder's key {key}, the vault here has {has}: run this"
            ):
                await job(owner, TESTER, path, MasterKey.load(path))
        assert text_of(path) == before
    put(vault_path(path), whole)
    assert (await rewrap(owner, TESTER, path, MasterKey.load(path))).left == 0
    vault_path(path).rename(tmp_path / "away")
    with pytest.raises(RegistryRefused, match="run this where the vault lies"):
        await destroy(owner, TESTER, path, MasterKey.load(path))
    assert sorted(MasterKey.load(path).ring.keys) == [0, 1]
    (tmp_path / "away").rename(vault_path(path))
    assert await destroy(owner, TESTER, path, MasterKey.load(path)) == [0]
    await open_all(owner, MasterKey.load(path))


async def draw_for_a_holder(connection: Connection, master: MasterKey) -> int:
    """Draw a key that the database knows, too."""
    async with writing(connection, TESTER):
        (key,) = await new_keys(connection, master.vault, 1, [None])
    return key


async def test_only_the_ring_that_was_looked_at_is_cut(
    owner: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that somebody puts in while it is looked whether the former is needed stays as it is."""
    make_key(path)
    await rewrap(owner, TESTER, path, MasterKey.load(path))
    looked = rotation._vault_left

    def and_another_comes(master: MasterKey) -> int:
        with replacing(path) as ring:
            replace_file(path, ring._replace(keys=ring.keys | {2: bytes(32)}))
        return looked(master)

    monkeypatch.setattr(rotation, "_vault_left", and_another_comes)
    with pytest.raises(RegistryRefused, match="changed meanwhile"):
        await destroy(owner, TESTER, path, MasterKey.load(path))
    assert sorted(MasterKey.load(path).ring.keys) == [0, 1, 2]
    assert (await owner.run(read_wrapping)).least == 0


async def set_wrapped(owner: Database, terminal: int, wrapped: bytes) -> None:
    """Write a terminal's first key, as a process with an old file would."""
    text = "update registry.terminal_key set wrapped = $2 where terminal = $1 and generation = 1"
    await owner.run(lambda c: write_registry(c, text, terminal, wrapped))


async def test_a_key_that_does_not_open_is_named_and_keeps_the_former(owner: Database, path: Path) -> None:
    """The rest is wrapped anew; the former key stays until that terminal's and holder's are done with."""
    master = MasterKey.load(path)
    await set_wrapped(owner, 3, bytes(60))
    broken = bytearray(vault_path(path).read_bytes())
    broken[-1] ^= 1
    vault_path(path).write_bytes(broken)
    make_key(path)
    done = await rewrap(owner, TESTER, path, master)
    assert done == (1, 6, [(3, 1)], 1, 2)
    with pytest.raises(RegistryRefused, match="2 keys are under an older key"):
        await destroy(owner, TESTER, path, master)


async def test_a_wrong_or_a_lost_key_does_no_harm(owner: Database, path: Path, tmp_path: Path) -> None:
    """Another installation's file wraps nothing anew. With a copy from before the new key nothing goes on,
    and nothing is lost: the file with both, put back, does.
    """
    theirs = MasterKey.create(tmp_path / "theirs")
    with pytest.raises(SecretsError, match="another installation's"):
        await rewrap(owner, TESTER, tmp_path / "theirs", theirs)
    before = text_of(path)
    make_key(path)
    both = text_of(path)
    await rewrap(owner, TESTER, path, MasterKey.load(path))
    put(path, before)
    lost = MasterKey.load(path)
    jobs = [lambda: rewrap(owner, TESTER, path, lost), lambda: destroy(owner, TESTER, path, lost)]
    for job in jobs:
        with pytest.raises(SecretsError, match="another installation's"):
            await job()
    with pytest.raises(SecretsError, match="no vault of this master key"):
        lost.vault.draw()
    put(path, both)
    await open_all(owner, lost)
    assert (await rewrap(owner, TESTER, path, lost)).left == 0
    assert await destroy(owner, TESTER, path, lost) == [0]


async def test_the_trail_says_who_rotated(owner: Database, path: Path) -> None:
    """Beginning and end of a rotation, and every key wrapped anew, stand in the trail, with no secret."""
    make_key(path)
    actor = TESTER._replace(reason="yearly")
    await rewrap(owner, actor, path, MasterKey.load(path))
    await destroy(owner, actor, path, MasterKey.load(path))
    rows = await owner.run(
        lambda c: c.fetch(
            "select object, before, after from registry.audit where reason = 'yearly' order by id"
        )
    )
    assert [row["object"] for row in rows] == ["installation", *["terminal_key"] * 7, "installation"]
    assert '"wrapping": 1' in rows[0]["after"]
    assert '"wrapping_least": 1' in rows[-1]["after"]
    assert not any("wrapped" in row["after"] for row in rows)
    assert len(await owner.run(lambda c: list_keys(c, 1))) == 1
