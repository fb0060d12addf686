"""Which master key a database belongs to: another one is refused before anything is done with it (F16)."""

from pathlib import Path

import pytest

from ledger.errors import SecretsError
from ledger.postgres.database import Database
from ledger.registry.installation import adopt_master_key, check_master_key
from ledger.registry.keys import issue_key
from ledger.registry.rewrapping import read_wrapping
from ledger.registry.secrets import MasterKey
from tests.ledger.books import TERMINAL, TESTER, found_registry, write_registry


@pytest.fixture
def keys(tmp_path: Path) -> tuple[MasterKey, MasterKey]:
    return MasterKey.create(tmp_path / "ours"), MasterKey.create(tmp_path / "theirs")


async def test_another_installation_s_key_is_refused(
    owner: Database, database: Database, keys: tuple[MasterKey, MasterKey]
) -> None:
    """The key of the initialisation passes, also for the service; another one is refused, with a cure."""
    ours, theirs = keys
    with pytest.raises(SecretsError, match="cityswitch init"):
        await database.run(lambda c: check_master_key(c, ours))
    await owner.run(lambda c: found_registry(c, 1))
    await owner.run(lambda c: adopt_master_key(c, TESTER, ours))
    await database.run(lambda c: check_master_key(c, ours))
    with pytest.raises(SecretsError, match="another installation's"):
        await owner.run(lambda c: check_master_key(c, theirs))
    with pytest.raises(SecretsError, match="another installation's"):
        await owner.run(lambda c: adopt_master_key(c, TESTER, theirs))
    await database.run(lambda c: check_master_key(c, ours))


async def test_a_key_that_nothing_needs_may_be_made_anew(
    owner: Database, keys: tuple[MasterKey, MasterKey]
) -> None:
    """While no card and no terminal key was made with it, a lost master key may be replaced; then no more."""
    ours, theirs = keys
    await owner.run(lambda c: adopt_master_key(c, TESTER, theirs))
    await owner.run(lambda c: adopt_master_key(c, TESTER, ours))
    await owner.run(lambda c: check_master_key(c, ours))
    await owner.run(lambda c: found_registry(c, 0))
    await owner.run(lambda c: issue_key(c, TESTER, ours, TERMINAL, bytes(32)))
    with pytest.raises(SecretsError, match="another installation's"):
        await owner.run(lambda c: adopt_master_key(c, TESTER, theirs))


async def test_a_rotated_key_that_nothing_needs_may_be_made_anew(
    owner: Database, keys: tuple[MasterKey, MasterKey]
) -> None:
    """Also after a key was destroyed a lost file may be replaced: the new one begins at its first key."""
    ours, theirs = keys
    await owner.run(lambda c: adopt_master_key(c, TESTER, theirs))
    text = "update registry.installation set wrapping = 1, wrapping_least = 1"
    await owner.run(lambda c: write_registry(c, text))
    await owner.run(lambda c: adopt_master_key(c, TESTER, ours))
    assert (await owner.run(read_wrapping))[:2] == (0, 0)


def test_the_check_value_tells_both_secrets(tmp_path: Path) -> None:
    """Two keys that share a secret have different check values; the value is none of the secrets."""
    values = {MasterKey(a * 32, b * 32).check_value for a in (b"a", b"b") for b in (b"a", b"b")}
    assert len(values) == 4
    assert not values & {b"a" * 32, b"b" * 32}
