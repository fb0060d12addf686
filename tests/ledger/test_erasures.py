"""An erasure takes every copy of what was known of a holder, and is done again after a restore."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ledger.errors import HolderErased, SecretsError
from ledger.postgres.database import Connection, Database
from ledger.registry.agreements import Representative, add_representative, list_agreements
from ledger.registry.applications import NewApplication, add_application
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import find_card
from ledger.registry.erasures import anonymise, apply_erasures, pending_erasures
from ledger.registry.history import PastHolder, read_history
from ledger.registry.holder_imports import NewHolder, add_holders
from ledger.registry.holders import find_holder, set_flags
from ledger.registry.kinds import advance_kinds
from ledger.registry.people import Person, change_person, find_person, open_person
from ledger.registry.pesel import born_of_pesel
from ledger.registry.pesel_tokens import basket_of, known_pesels
from ledger.registry.sealed import key_in
from ledger.registry.secrets import MasterKey
from ledger.registry.vault import Vault
from tests.ledger.books import TESTER, found_registry, write_registry

CLERK = Actor("clerk", "asked for by letter")
ANNA = Person(
    "Żółć Ęśq-Qxyzzy", "44051401359", None, "Rynek 2", "600100200", "zolc@example.pl", "email", "POK 1"
)
NOBODY = MasterKey(b"n" * 32, b"p" * 32)


def neighbour(vault: Vault) -> str:
    """A PESEL that lies in the basket of Anna's."""
    for n in range(1_000_000, 10_000_000):
        pesel = f"{n % 90 + 10:02}0101{n % 100_000:05}"
        if born_of_pesel(pesel) and vault.basket(pesel) == vault.basket(ANNA.pesel) and pesel != ANNA.pesel:
            return pesel
    raise AssertionError


@pytest.fixture
def vault() -> Vault:
    return MasterKey(b"w" * 32, b"p" * 32).vault


@pytest.fixture
async def holders(owner: Database, vault: Vault) -> tuple[int, ...]:
    """Three holders: Anna, somebody in the basket of her PESEL, somebody without one; their accounts."""

    async def job(c: Connection) -> tuple[int, ...]:
        await found_registry(c, 3)
        rows = [
            NewHolder(1000, flags=3, person=ANNA),
            NewHolder(1001, person=Person("Jan", neighbour(vault))),
            NewHolder(1002, flags=1),
        ]
        assert (await add_holders(c, TESTER, vault, 1, rows)).added == 3
        await add_representative(c, TESTER, vault, 1000, Representative("proxy", "Ewa Qxyzzy", "600100201"))
        return tuple([(await find_card(c, token))["account"] for token in (1000, 1001, 1002)])

    return await owner.run(job)


async def everything(c: Connection) -> dict[str, list[Any]]:
    """All that schema people holds."""
    return {
        table: await c.fetch(f"select * from people.{table} order by 1, 2")
        for table in ("key", "person", "token_key", "pesel_token", "consent", "representative")
    }


async def put_back(c: Connection, was: dict[str, list[Any]], accounts: set[int]) -> None:
    """Make schema people what it was, as a restored backup does, and the cards of accounts active."""
    async with writing(c, TESTER):
        for table in reversed(was):
            await c.execute(f"delete from people.{table}")
        for table, rows in was.items():
            for row in rows:
                marks = ", ".join(f"${n + 1}" for n in range(len(row)))
                await c.execute(
                    f"insert into people.{table} ({', '.join(row.keys())}) "
                    f"overriding system value values ({marks})",
                    *row,
                )
        await c.execute("update registry.holder set flags = 3 where account = any($1::bigint[])", accounts)
        await c.execute("alter table registry.card disable trigger user")
        await c.execute("update registry.card set status = 0 where account = any($1::bigint[])", accounts)
        await c.execute("alter table registry.card enable trigger user")


async def test_no_text_of_a_person_is_in_a_table(
    owner: Database, vault: Vault, holders: tuple[int, ...]
) -> None:
    """Sealed, and only the key and the place open it: not another master key, nor another's account."""
    tables = await owner.run(everything)
    text = repr(tables).encode() + b"".join(
        bytes(value) for rows in tables.values() for row in rows for value in row if isinstance(value, bytes)
    )
    for secret in (
        ANNA.name,
        ANNA.pesel,
        ANNA.address,
        ANNA.phone,
        ANNA.email,
        ANNA.pickup,
        "Ewa",
        "600100201",
    ):
        assert secret.encode() not in text
    rows = {row["account"]: dict(row) for row in tables["person"]}
    assert open_person(vault, rows[holders[0]]) == ANNA._replace(born_on=born_of_pesel(ANNA.pesel))
    assert {key_in(rows[account]["name"]) for account in holders[:2]} == {
        row["key"] for row in tables["key"] if row["account"] in holders[:2]
    }
    with pytest.raises(SecretsError):
        open_person(vault, rows[holders[0]] | {"name": rows[holders[1]]["name"]})
    NOBODY.vault.draw(20)
    with pytest.raises(SecretsError, match="damaged"):
        open_person(NOBODY.vault, rows[holders[0]])


async def test_an_erasure_takes_the_older_copies_with_it(
    owner: Database, vault: Vault, holders: tuple[int, ...]
) -> None:
    """What was copied before cannot be opened after; neighbours stay known by their numbers: new tokens."""

    async def job(c: Connection) -> None:
        was = await everything(c)
        (anna,) = (dict(row) for row in was["person"] if row["account"] == holders[0])
        jan = neighbour(vault)
        assert await known_pesels(c, vault, 1, [ANNA.pesel, jan, "02070803628", ""]) == {ANNA.pesel, jan}
        basket = await basket_of(c, vault, holders[0])
        assert basket == await basket_of(c, vault, holders[1])
        assert await anonymise(c, CLERK, vault, 1000) == 1
        assert open_person(vault, anna) is None
        assert await find_person(c, vault, holders[0]) is None
        assert {one.account for one in vault.destroyed()} == {holders[0]}
        (old,) = (row["key"] for row in was["token_key"] if row["basket"] == basket)
        with pytest.raises(HolderErased):
            vault.mac(old, ANNA.pesel)
        assert await known_pesels(c, vault, 1, [ANNA.pesel, jan]) == {jan}
        tokens = {row["account"]: row["token"] for row in was["pesel_token"]}
        now = await everything(c)
        assert holders[0] not in {row["account"] for rows in now.values() for row in rows if "account" in row}
        assert {row["account"]: row["token"] for row in now["pesel_token"]}[holders[1]] != tokens[holders[1]]
        done = await add_holders(c, TESTER, vault, 1, [NewHolder(1002, flags=1, person=Person("x", jan))])
        assert [(one.column, one.reason) for one in done.refused] == [
            ("number", "has another holder already: change it")
        ]
        await change_person(c, TESTER, vault, 1001, {"pesel": ANNA.pesel})
        assert await known_pesels(c, vault, 1, [ANNA.pesel, jan]) == {ANNA.pesel}
        assert await pending_erasures(c, vault) == []

    await owner.run(job)


async def test_who_comes_back_with_an_older_database_is_erased_again(
    owner: Database, vault: Vault, holders: tuple[int, ...]
) -> None:
    """Rows, flags, date of birth, an active card: all go once more, with or without a person; once is
    enough.
    """

    async def job(c: Connection) -> None:
        was = await everything(c)
        await anonymise(c, CLERK, vault, 1000)
        await anonymise(c, CLERK, vault, 1002)
        await put_back(c, was, {holders[0], holders[2]})
        assert {row["account"] for row in await pending_erasures(c, vault)} == {holders[0], holders[2], None}
        assert await find_person(c, vault, holders[0]) is None
        with pytest.raises(HolderErased):
            await list_agreements(c, vault, 1000)
        with pytest.raises(SecretsError, match="cityswitch holders erasures --apply"):
            await known_pesels(c, vault, 1, [neighbour(vault)])
        assert await apply_erasures(c, CLERK, vault) == 3
        assert await pending_erasures(c, vault) == []
        assert await apply_erasures(c, CLERK, vault) == 0
        now = await everything(c)
        assert {row["account"] for row in now["person"]} == {holders[1]}
        for token in (1000, 1002):
            card = await find_card(c, token)
            holder = await find_holder(c, card["account"])
            assert (card["status"], holder["flags"], holder["kinds"]) == (CardStatus.CLOSED, 0, 0)
        assert await known_pesels(c, vault, 1, [ANNA.pesel, neighbour(vault)]) == {neighbour(vault)}
        person = await find_person(c, vault, holders[1])
        assert person is not None
        assert person.name == "Jan"

    await owner.run(job)


async def test_a_write_that_fails_at_its_very_end_is_finished_later(
    owner: Database, vault: Vault, holders: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Destroyed and not committed: nothing can be read, and the next run removes what stands there."""
    destroy: Callable[..., None] = vault.destroy

    def die(*keys: int, account: int = 0) -> None:
        destroy(*keys, account=account)
        raise RuntimeError("the machine stops here")

    async def job(c: Connection) -> None:
        monkeypatch.setattr(vault, "destroy", die)
        with pytest.raises(RuntimeError):
            await anonymise(c, CLERK, vault, 1000)
        monkeypatch.setattr(vault, "destroy", destroy)
        assert (await find_card(c, 1000))["status"] == CardStatus.ACTIVE
        assert await find_person(c, vault, holders[0]) is None
        assert await apply_erasures(c, CLERK, vault) == 2
        assert (await find_card(c, 1000))["status"] == CardStatus.CLOSED
        assert await known_pesels(c, vault, 1, [ANNA.pesel, neighbour(vault)]) == {neighbour(vault)}

    await owner.run(job)


async def test_a_refused_erasure_destroys_nothing(
    owner: Database, vault: Vault, holders: tuple[int, ...]
) -> None:
    """What may not be done, or fails before its end, leaves the key: it is destroyed as the last step."""

    async def job(c: Connection) -> None:
        await c.execute("alter table registry.holder add constraint no_change check (flags > 0) not valid")
        with pytest.raises(Exception, match="no_change"):
            await anonymise(c, CLERK, vault, 1000)
        assert vault.destroyed() == []
        person = await find_person(c, vault, holders[0])
        assert person is not None
        assert person.name == ANNA.name

    await owner.run(job)


async def test_an_applicant_who_was_erased_comes_back_to_nobody(owner: Database, vault: Vault) -> None:
    """What somebody sent who never had an account goes again, and no other application with it."""

    async def job(c: Connection) -> None:
        await found_registry(c, 1)
        new = NewApplication(1, "first", "web", b"Anna Qxyzzy", date(2026, 12, 11))
        numbers = [await add_application(c, TESTER, vault, new) for _ in range(2)]
        key = key_in(await c.fetchval("select form from people.application where number = $1", numbers[0]))
        vault.destroy(key)
        assert await apply_erasures(c, CLERK, vault) == 1
        left = await c.fetch("select number from people.application")
        assert [row["number"] for row in left] == numbers[1:]

    await owner.run(job)


@pytest.mark.parametrize("count", [1, 101])
async def test_the_trail_tells_no_birthday_of_who_was_erased(
    owner: Database, vault: Vault, count: int
) -> None:
    """Kinds moved on a birthday, of who came alone or by the hundred: no row has that day, nor kinds, nor the
    number of the change, which stands between others whose days are known.
    """
    rows = [NewHolder(1000 + n, person=Person("Jan", born_on=date(2008, 11, 29))) for n in range(count)]
    await owner.run(lambda c: found_registry(c, count))
    await owner.run(lambda c: add_holders(c, TESTER, vault, 1, rows))
    account = await owner.run(lambda c: c.fetchval("select account from registry.card where token = 1000"))
    due = "update registry.holder set kinds = 4, next_from = registry.today_of(programme) where account = $1"
    await owner.run(lambda c: write_registry(c, due, account))
    await owner.run(advance_kinds)
    number = await owner.run(
        lambda c: c.fetchval("select changed from registry.holder where account = $1", account)
    )
    await owner.run(lambda c: set_flags(c, TESTER, 1000, flags=1))
    await owner.run(lambda c: anonymise(c, CLERK, vault, 1000))
    trail = await owner.run(
        lambda c: c.fetch("select * from registry.audit where object = 'holder' and key <> '' order by id")
    )
    told = [
        side for row in trail for side in (row["before"], row["after"]) if side and row["key"] == str(account)
    ]
    assert [row["actor"] for row in trail if row["actor"] == "keeper"] == []
    assert [side for side in told if "kinds" in side] == []
    assert number not in {json.loads(side)["changed"] for side in told}
    changes = [each.row for each in await owner.run(lambda c: read_history(c, [account]))]
    flags = [each.flags for each in changes if isinstance(each, PastHolder)]
    assert flags[-2:] == [1, 0], "what the books are decided by is there all the same"
    assert set(flags[:-2]) == {0}
