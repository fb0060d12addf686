"""What decides about a holder: kinds by birthday, entitlement, notice; and that the service learns no
more.
"""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from ledger.errors import DatabaseMisconfigured, RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor, writing
from ledger.registry.card_states import CardStatus, Hand
from ledger.registry.cards import CardRow, find_card, import_cards, list_cards, set_card_status
from ledger.registry.contracts import end_contract
from ledger.registry.duplicates import Carrier, New, add_carrier
from ledger.registry.endings import give_notice, withdraw
from ledger.registry.erasures import anonymise
from ledger.registry.holder_imports import ROWS_PER_TRANSACTION, NewHolder, add_holders
from ledger.registry.holders import (
    end_notices,
    find_holder,
    prove_tax,
    set_flags,
)
from ledger.registry.imports import Mode
from ledger.registry.kinds import advance_kinds, place_kinds
from ledger.registry.people import Person, change_person, find_person
from ledger.registry.pesel import born_of_pesel
from ledger.registry.programmes import add_rules
from ledger.registry.reads import CardTuple, read_changes
from switch.rules.dates import Band, kind_steps, kinds_on
from switch.rules.directory import Directory
from switch.rules.entitlement import Held
from tests.days import today
from tests.ledger.books import TESTER, Books, found_registry, write_registry
from tests.switch.memory import MASTER_KEY

# Zgierz § 16: 18 lies in two bands; over 60 is from the 61st birthday.
BANDS = [Band(0, 0, 6), Band(1, 7, 12), Band(2, 13, 18), Band(3, 18, 60), Band(4, 61, None)]
# Another version of them: youth until 20, and nobody is a junior.
LATER = [Band(0, 0, 12), Band(2, 13, 20), Band(3, 18, 65), Band(4, 66, None)]
ORGANISER = Actor("clerk", "moved away", hand=Hand.ORGANISER)
PESEL = "44051401359"
VAULT = MASTER_KEY.vault
BIRTHS = [
    date(2008, 2, 29), date(2007, 2, 28), date(2008, 3, 1), date(1966, 11, 26), date(1965, 11, 27),
    date(2019, 12, 31), date(2020, 1, 1), date(1900, 1, 1), date(2026, 11, 26), date(1964, 2, 29),
]  # fmt: skip
DAYS = [
    date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2026, 11, 26), date(2026, 12, 31),
    date(2027, 1, 1), date(2028, 2, 28), date(2028, 2, 29), date(2044, 6, 30), date(2027, 2, 28),
]  # fmt: skip
BEGIN, CHANGE = date(2016, 1, 1), date(2027, 6, 1)


@pytest.fixture
async def registry(owner: Database) -> Database:
    """Ten cards, and two versions of the kinds of holder: the second from 1 June 2027 on."""
    await owner.run(lambda c: found_registry(c, 10))
    for day, bands in ((BEGIN, BANDS), (CHANGE, LATER)):
        await owner.run(
            lambda c, day=day, bands=bands: add_rules(
                c,
                TESTER,
                programme=1,
                effective_from=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
                rules_toml="x",
                kind_steps=kind_steps(bands, "both"),
            )
        )
    return owner


async def add(registry: Database, *rows: NewHolder, mode: Mode = Mode.WHOLE) -> Any:
    """Give cards holders."""
    return await registry.run(lambda c: add_holders(c, TESTER, VAULT, 1, rows, mode=mode))


async def holder(registry: Database, token: int = 1000) -> Any:
    """What decides about a card's holder."""

    async def job(connection: Connection) -> Any:
        card = await find_card(connection, token)
        return await find_holder(connection, card["account"])

    return await registry.run(job)


def kinds(born: date, day: date) -> int:
    """The kinds of somebody on a day, by the rules of that day; none before the first."""
    return 0 if day < BEGIN else kinds_on(BANDS if day < CHANGE else LATER, "both", born, day)


async def test_the_database_places_birthdays_as_the_rules_do(registry: Database) -> None:
    """§ 16: on every day the kinds are those of age and rules of that day, and what is kept says the
    changes.
    """
    await add(registry, *(NewHolder(1000 + n, person=Person("x", born_on=b)) for n, b in enumerate(BIRTHS)))
    for day in DAYS:

        async def place(connection: Connection, day: date = day) -> None:
            async with writing(connection, TESTER):
                await place_kinds(connection, 1, None, day)

        await registry.run(place)
        for n, born in enumerate(BIRTHS):
            row = await holder(registry, 1000 + n)
            assert row["kinds"] == kinds(born, day)
            if row["kinds_from"]:
                before = row["kinds_from"] - timedelta(1)
                assert row["kinds_before"] == kinds(born, before) != kinds(born, row["kinds_from"])
                assert row["kinds_from"] <= day
                assert kinds(born, row["kinds_from"]) == row["kinds"]
            if row["next_from"]:
                assert row["next_from"] > day
                assert row["kinds_next"] == kinds(born, row["next_from"]) != row["kinds"]
                assert kinds(born, row["next_from"] - timedelta(1)) == row["kinds"]
            else:
                assert kinds(born, day + timedelta(365 * 40)) == row["kinds"]


async def test_a_birthday_comes_without_the_service_knowing_it(
    registry: Database, database: Database
) -> None:
    """The service moves who is due, by a right to call and none to read: no date of birth comes back."""
    day = today()
    born = day.replace(year=day.year - 15, day=1)  # a youth by either version of the rules
    await add(registry, NewHolder(1000, person=Person("x", born_on=born)))
    due = (
        "update registry.holder set kinds = 1, kinds_next = 4, kinds_from = null, "
        "next_from = registry.today_of(1::smallint) - 1"
    )
    await registry.run(lambda c: write_registry(c, due))
    await database.run(advance_kinds)
    row = await holder(registry)
    before, then = kinds(born, row["kinds_from"] - timedelta(1)), kinds(born, row["next_from"])
    assert (row["kinds"], row["kinds_before"], row["kinds_next"]) == (4, before, then)
    await database.run(advance_kinds)
    assert (await holder(registry)) == row


@pytest.mark.parametrize(
    "statement",
    [
        "select * from people.person",
        "select born_on from people.person",
        "select count(*) from people.person",
        "select * from people.consent",
        "select * from people.representative",
        "select people.place_kinds(1::smallint, '2026-01-01', null)",
        "insert into registry.kind_step (programme, version, from_age, kinds) values (1, 1, 30, 1)",
        "update registry.holder set kinds = 1",
        "delete from people.person",
        "create table people.mine (x int)",
        "copy people.person to stdout",
    ],
)
async def test_the_service_cannot_read_who_holders_are(
    registry: Database, database: Database, statement: str
) -> None:
    """No right to enter the schema: nothing a switch runs can read a name or a date of birth."""
    await add(registry, NewHolder(1000, person=Person("x", born_on=date(2000, 1, 1))))
    with pytest.raises(DatabaseMisconfigured, match="permission denied"):
        await database.run(lambda c: c.execute(statement))


async def test_an_old_proof_renews_nothing(registry: Database) -> None:
    """Zgierz § 20: only a proof that reaches further prolongs; what was proved is told."""
    await add(registry, NewHolder(1000, tax_year=2024, entitled_until=date(2026, 5, 31)))
    await registry.run(lambda c: prove_tax(c, TESTER, 1000, tax_year=2025, entitled_until=date(2027, 5, 31)))
    for year in (2025, 2024, 2020):
        until = date(year + 2, 5, 31)
        with pytest.raises(RegistryRefused, match="until 2027-05-31 already: that proof renews nothing"):
            await registry.run(
                lambda c, y=year, u=until: prove_tax(c, TESTER, 1000, tax_year=y, entitled_until=u)
            )
    row = await holder(registry)
    assert (row["tax_year"], row["entitled_until"]) == (2025, date(2027, 5, 31))


async def test_a_notice_voids_when_its_month_is_over(registry: Database, database: Database) -> None:
    """§ 33: until its last day the card works; then it has expired at once, and is void by the clock."""
    day = today()
    await add(registry, NewHolder(1000), NewHolder(1001))
    given = day - timedelta(40)
    ends = day - timedelta(1)
    await registry.run(lambda c: give_notice(c, ORGANISER, 1000, given_on=given, ends_on=ends))
    await registry.run(lambda c: give_notice(c, ORGANISER, 1001, given_on=day, ends_on=day))
    with pytest.raises(RegistryRefused, match=r"notice was given already"):
        await registry.run(lambda c: give_notice(c, ORGANISER, 1001, given_on=day, ends_on=day))
    cards: list[CardTuple] = []
    await database.run(lambda c: read_changes(c, 0, cards.extend))
    days = {card[0]: card[4] for card in cards}
    assert (days[1000], days[1001], days[1002]) == (
        (ends - date(1970, 1, 1)).days, (day - date(1970, 1, 1)).days, None,
    )  # fmt: skip
    await database.run(end_notices)
    statuses = [(await registry.run(lambda c, t=t: find_card(c, t)))["status"] for t in (1000, 1001, 1002)]
    assert statuses == [CardStatus.VOID, CardStatus.ACTIVE, CardStatus.ACTIVE]
    await registry.run(lambda c: withdraw(c, ORGANISER, 1001, "notice"))
    with pytest.raises(RegistryRefused, match="no notice"):
        await registry.run(lambda c: withdraw(c, ORGANISER, 1001, "notice"))
    with pytest.raises(RegistryRefused, match="this card is void"):
        await registry.run(lambda c: withdraw(c, ORGANISER, 1000, "notice"))


LATER_ON = date(2199, 1, 1)
REFUSED = [
    (NewHolder(1001, person=Person("x", born_on=LATER_ON)), "born_on", "in the future"),
    (NewHolder(1001, person=Person("x", born_on=date(1879, 12, 31))), "born_on", "too long ago"),
    (NewHolder(1001, person=Person("x", pesel="44051401358")), "pesel", "is no PESEL"),
    (NewHolder(1001, person=Person("x", pesel=PESEL, born_on=date(1944, 5, 15))), "born_on", "another"),
    (NewHolder(1001, person=Person("x", pesel=PESEL)), "pesel", "has an account already"),
    (NewHolder(1001, person=Person(" ")), "name", "is empty"),
    (NewHolder(1001, person=Person("a\0b")), "name", "printable"),
    (NewHolder(1001, person=Person("x", email="nobody")), "email", "is no e-mail address"),
    (NewHolder(1001, person=Person("x", email="ż@poczta.example")), "email", "is no e-mail address"),
    (NewHolder(1001, person=Person("x", channel="sms")), "channel", "no number or address"),
    (NewHolder(1001, person=Person("x", channel="owl")), "channel", "is none of"),
    (NewHolder(1001, flags=65_536), "flags", "must be 0 to"),
    (NewHolder(1001, kinds=-1), "kinds", "must be 0 to"),
    (NewHolder(7), "number", "no card of this programme"),
    (NewHolder(1000), "number", "has another holder already"),
    (NewHolder(5000), "number", "an account that has come before"),
]


@pytest.mark.parametrize(("row", "column", "reason"), REFUSED)
async def test_a_row_that_cannot_be_is_refused_and_nothing_is_stored(
    registry: Database, row: NewHolder, column: str, reason: str
) -> None:
    """Each fault has its own column and reason, and no row of the import is stored beside it."""
    await add(registry, NewHolder(1000, person=Person("x", pesel=PESEL)))
    await registry.run(lambda c: add_carrier(c, TESTER, 1002, New(5000, "0099", Carrier.QR)))
    done = await add(registry, NewHolder(1002), row)
    (refusal,) = done.refused
    assert (refusal.key, refusal.column, done.added) == (row.token, column, 0)
    assert reason in refusal.reason
    assert await holder(registry, 1002) is None
    assert (await add(registry, NewHolder(1002), row, mode=Mode.GOOD_ROWS)).added == 1
    assert await holder(registry, 1002) is not None


async def test_an_import_takes_a_pesel_whose_contract_ended(registry: Database) -> None:
    """Zgierz § 7, § 28: refused while the contract goes on, taken once it has ended, and once alone."""
    rows = [NewHolder(token, person=Person("x", pesel=PESEL)) for token in (1000, 1001, 1002)]
    assert (await add(registry, rows[0])).added == 1
    assert [row.reason for row in (await add(registry, rows[1])).refused] == ["has an account already"]
    await registry.run(lambda c: end_contract(c, ORGANISER, 1000, CardStatus.CLOSED))
    assert (await add(registry, rows[1])).added == 1
    assert [row.reason for row in (await add(registry, rows[2])).refused] == ["has an account already"]


async def test_the_same_holders_again_are_passed_over(registry: Database) -> None:
    """An import that was broken off is completed by the same rows; one that says something else is
    refused.
    """
    rows = [
        NewHolder(1000, flags=1, tax_year=2025, entitled_until=date(2027, 5, 31), person=Person("x", PESEL)),
        NewHolder(1001, kinds=8),
        NewHolder(1002, person=Person("y", phone="600100200", channel="sms")),
    ]
    assert (await add(registry, *rows[:2]))[:2] == (2, 0)
    assert await add(registry, *rows) == (1, 2, [])
    assert await add(registry, *rows) == (0, 3, [])
    for changed in (
        rows[0]._replace(flags=2),
        rows[0]._replace(person=None),
        rows[0]._replace(person=Person("z", PESEL)),
        rows[1]._replace(kinds=4),
        rows[2]._replace(guardian=True),
    ):
        done = await add(registry, changed)
        assert [(r.column, r.reason) for r in done.refused] == [
            ("number", "has another holder already: change it")
        ]


async def test_an_import_of_holders_leaves_room_for_a_block(registry: Database) -> None:
    """Some hundred rows a transaction: the change lock is given back in between."""
    cards = [CardRow(20_000 + n, "0001") for n in range(2 * ROWS_PER_TRANSACTION + 1)]
    await registry.run(lambda c: import_cards(c, TESTER, 1, cards))
    begun: list[str] = []

    class Watched:
        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        def transaction(self) -> Any:
            begun.append("transaction")
            return self._connection.transaction()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

    rows = [NewHolder(card.token, person=Person("x", born_on=date(2000, 1, 1))) for card in cards]
    done = await registry.run(lambda c: add_holders(Watched(c), TESTER, VAULT, 1, rows))
    assert (done.added, len(begun)) == (len(cards), 3)


async def test_the_trail_names_columns_and_no_person(registry: Database) -> None:
    """Who wrote what and why is kept; name, PESEL, phone, mail, birth are not, nor the days they change
    on.
    """
    person = Person("Żółć Ęśq", PESEL, None, "Rynek 2", "600100200", "zolc@example.pl", "email", "POK 1")
    await add(registry, NewHolder(1000, person=person))
    await registry.run(lambda c: change_person(c, TESTER, VAULT, 1000, {"phone": "600100201"}))
    await registry.run(lambda c: anonymise(c, Actor("tests", "asked for"), VAULT, 1000))
    rows = await registry.run(lambda c: c.fetch("select * from registry.audit order by id"))
    text = json.dumps([dict(row) for row in rows], default=str, ensure_ascii=False)
    for secret in (*person, "1944-05-14", "600100201", "Żółć", "next_from", "kinds_from"):
        assert secret is None or secret == "email" or str(secret) not in text
    about = [json.loads(row["after"])["columns"] for row in rows if row["object"] == "person"]
    assert about[1:] == ["phone", "removed"]
    assert "pesel" in about[0]


async def test_anonymising_removes_the_person_and_keeps_the_books(
    owner: Database, database: Database
) -> None:
    """§ 19.9, § 26: the person is gone, every carrier is closed, the points stay in the books."""
    books = await Books.open(owner, database, cards=2)
    await add(owner, NewHolder(1000, flags=3, person=Person("x", PESEL)))
    await owner.run(lambda c: add_carrier(c, TESTER, 1000, New(5000, "0099", Carrier.QR)))
    await books.post(books.earn(1, 250))
    with pytest.raises(RegistryRefused, match="not made closed by proxy-online"):
        await owner.run(lambda c: anonymise(c, Actor("x", "y", hand=Hand.PROXY_ONLINE), VAULT, 1000))
    assert await owner.run(lambda c: anonymise(c, Actor("x", "y", hand=Hand.HOLDER_ONLINE), VAULT, 1000)) == 2
    account = books.accounts[0]
    assert await owner.run(lambda c: find_person(c, VAULT, account)) is None
    row = await holder(owner)
    assert (row["flags"], row["kinds"], row["next_from"], row["entitled_until"]) == (0, 0, None, None)
    statuses = {card["status"] for card in await owner.run(lambda c: list_cards(c, account=account))}
    assert statuses == {CardStatus.CLOSED}
    assert await books.balance() == 250
    with pytest.raises(RegistryRefused, match="this card is closed"):
        await owner.run(lambda c: set_flags(c, TESTER, 1000, flags=1))


async def test_a_holder_s_change_reaches_every_carrier_in_memory(
    registry: Database, database: Database
) -> None:
    """Flags and kinds come with the cards; later a change of the holder alone brings the account's cards."""
    await add(registry, NewHolder(1000, flags=1, kinds=8), NewHolder(1001, flags=1, kinds=8))
    await registry.run(lambda c: add_carrier(c, TESTER, 1000, New(5000, "0099", Carrier.QR)))
    directory = Directory(MASTER_KEY)
    number = (await database.run(lambda c: read_changes(c, 0, directory.apply_cards))).number
    cards = directory.cards
    assert cards[1000].held == Held(1, 8, 0, -1_000_000, 0, 1_000_000, None)
    assert cards[1000].held is cards[5000].held is cards[1001].held
    assert cards[1002].held is None
    await registry.run(lambda c: set_flags(c, TESTER, 5000, flags=2, guardian=True))
    seen: list[int] = []

    def take(rows: Any) -> None:
        seen.extend(row[0] for row in rows)
        directory.apply_cards(rows)

    await database.run(lambda c: read_changes(c, number, take))
    assert sorted(seen) == [1000, 5000]
    assert (cards[5000].held or ())[:7] == (2, 8, 0, -1_000_000, 0, 1_000_000, None)
    assert cards[1001].held is not cards[1000].held
    await registry.run(lambda c: set_card_status(c, TESTER, 1000, CardStatus.BLOCKED))
    await registry.run(lambda c: set_flags(c, TESTER, 5000, flags=3))
    seen.clear()
    await database.run(lambda c: read_changes(c, number, take))
    assert sorted(seen) == [1000, 5000]  # each once, though both its row and its holder's changed


@pytest.mark.parametrize("born", ["2027-01-01", "1700-01-01"])
async def test_the_database_refuses_an_impossible_birth(registry: Database, born: str) -> None:
    """Also by hand: nobody is born tomorrow or three hundred years ago."""
    await add(registry, NewHolder(1000))
    account = (await holder(registry))["account"]
    sql = "insert into people.person (account, programme, name, born_on) values ($1, 1, $3, $2)"
    day = LATER_ON if born > "2000" else date.fromisoformat(born)
    with pytest.raises(StatementRefused):
        await registry.run(lambda c: write_registry(c, sql, account, day, bytes(38)))


@pytest.mark.parametrize(
    ("pesel", "born"),
    [
        (PESEL, date(1944, 5, 14)),
        ("00222912340", None),
        ("04222900007", date(2004, 2, 29)),
        ("44051401358", None),
        ("4405140135", None),
        ("٤٤٠٥١٤٠١٣٥٩", None),
    ],
)
def test_a_pesel_says_when_somebody_was_born(pesel: str, born: date | None) -> None:
    """The century stands in the month; a wrong check digit or a day that is none makes it no PESEL."""
    if pesel == "04222900007":
        pesel = next(f"0422290000{n}" for n in range(10) if born_of_pesel(f"0422290000{n}"))
    assert born_of_pesel(pesel) == born
