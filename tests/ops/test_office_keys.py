"""Keys are written down before they count, and a failure at any moment loses none (office, keys)."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import DatabaseUnavailable, RegistryRefused
from ledger.postgres.database import Database
from ledger.registry.installation import adopt_master_key
from ledger.registry.keys import list_keys
from ledger.registry.secrets import MasterKey
from ops.office import keys as office
from ops.office.keys import Fleet, IssuedKey, KeysMisplaced, KeysUnsure, plan_issue
from tests.ledger.books import TERMINAL, TESTER, found_registry

Issue = Callable[[], Awaitable[list[IssuedKey]]]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "terminal.key"


@pytest.fixture
async def issue(owner: Database, tmp_path: Path, out: Path) -> Issue:
    """Issue the first key of a terminal into a file."""
    master = MasterKey.create(tmp_path / "master.key")
    await owner.run(lambda c: found_registry(c, 0))
    await owner.run(lambda c: adopt_master_key(c, TESTER, master))
    os.mkdir(out.parent)

    async def issue_one() -> list[IssuedKey]:
        planned = await plan_issue(owner, Fleet((TERMINAL,)), rotate=False)
        return await office.issue(owner, master, TESTER, planned, lambda issued: {out: issued[0].key})

    return issue_one


async def generations(owner: Database) -> list[int]:
    """The generations of the terminal's key."""
    return [row["generation"] for row in await owner.run(lambda c: list_keys(c, TERMINAL))]


def text_of(path: Path) -> str:
    """What stands in a file."""
    return path.read_text()


def take(path: Path) -> None:
    """Let somebody else have a file of this name."""
    path.write_text("somebody else's")


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException, *, after: bool) -> None:
    """Have the issuing fail before or after it was done."""
    real = office.issue_keys

    async def failing(*arguments: Any, **more: Any) -> Any:
        if after:
            await real(*arguments, **more)
        raise error

    monkeypatch.setattr(office, "issue_keys", failing)


async def test_the_file_is_there_when_the_key_counts(issue: Issue, owner: Database, out: Path) -> None:
    """One key, one file under its name, nothing beside it."""
    (issued,) = await issue()
    assert text_of(out) == issued.key
    assert os.listdir(out.parent) == [out.name]
    assert await generations(owner) == [1]


async def test_a_refused_key_leaves_no_file(
    issue: Issue, owner: Database, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was surely not issued is not written down either."""
    fail_with(monkeypatch, RegistryRefused("no"), after=False)
    with pytest.raises(RegistryRefused):
        await issue()
    assert os.listdir(out.parent) == []
    assert await generations(owner) == []


@pytest.mark.parametrize("after", [False, True])
async def test_a_commit_of_unknown_outcome_keeps_the_file(
    issue: Issue, out: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    """The connection is lost about the commit: the key stays written down, and the error says where."""
    fail_with(monkeypatch, DatabaseUnavailable("the connection was lost"), after=after)
    with pytest.raises(KeysUnsure) as caught:
        await issue()
    (kept,) = os.listdir(out.parent)
    assert str(out.parent / kept) in str(caught.value)
    assert len(bytes.fromhex((out.parent / kept).read_text())) == 32


async def test_an_interruption_keeps_the_file(
    issue: Issue, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops it may have stopped it after the commit: the only copy is not thrown away."""
    fail_with(monkeypatch, ZeroDivisionError(), after=True)
    with pytest.raises(ZeroDivisionError):
        await issue()
    assert len(os.listdir(out.parent)) == 1


async def test_a_name_taken_meanwhile_is_told_with_the_key_s_place(
    issue: Issue, owner: Database, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is overwritten: the key counts, stays beside, and the error says where."""
    real = office.issue_keys

    async def take_the_name(*arguments: Any, **more: Any) -> Any:
        take(out)
        return await real(*arguments, **more)

    monkeypatch.setattr(office, "issue_keys", take_the_name)
    with pytest.raises(KeysMisplaced) as caught:
        await issue()
    assert text_of(out) == "somebody else's"
    (kept,) = set(os.listdir(out.parent)) - {out.name}
    assert str(out.parent / kept) in str(caught.value)
    assert await generations(owner) == [1]
