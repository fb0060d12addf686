"""What was issued to partners: numbers without a gap, whatever happens meanwhile; nothing that changes."""

import contextlib

import pytest
import trio

from ledger.errors import DatabaseUnavailable, NotInRegistry, RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import Wanted, list_audit
from ledger.registry.invoice_parties import (
    City,
    Seller,
    check_nip,
    cities_of,
    set_city,
    set_seller,
    the_seller,
)
from ledger.registry.invoices import (
    Issued,
    Kind,
    Numbered,
    Order,
    correctable,
    find_document,
    issue,
    list_issued,
    record_number,
    record_sent,
    unsent,
)
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.programmes import add_programme
from ledger.registry.proposals import approve, propose
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, found_registry

SELLER = Seller("8982145677", "Gmina", "Rynek 1")
NUMBER = "5265877635-20261205-A1B2C3-D4E5F6-12"


@pytest.fixture
async def city(owner: Database) -> Database:
    """A registry with one partner."""
    await owner.run(lambda c: found_registry(c, 1))
    return owner


def order(
    month: str = "2026-10", kind: Kind = "invoice", net: int = 100, corrects: tuple[str, ...] = ()
) -> Order:
    return Order(PROGRAMME, PARTNER, month, f"CZ/{month}", kind, net, net * 23 // 100, corrects)


async def issued(database: Database, wanted: Order) -> Issued:
    return (await database.run(lambda c: issue(c, TESTER, wanted, lambda n: n.text.encode())))[0]


async def test_numbers_follow_each_other_and_a_month_is_issued_once(city: Database) -> None:
    """Invoices and corrections share a series, notes have another; asked again, what is there is returned."""
    first = await issued(city, order())
    year = first.issued_on.year
    assert first.text == f"F/CZESTOCHOWA/{year}/1"
    correction = order("2026-11", "correction", -100, (first.text,))
    assert (await issued(city, correction)).text == f"F/CZESTOCHOWA/{year}/2"
    assert (await issued(city, order(kind="note"))).text == f"N/CZESTOCHOWA/{year}/1"
    again, is_new = await city.run(lambda c: issue(c, TESTER, order(), lambda _: b"other"))
    assert (again, is_new) == (first, False)
    assert await city.run(lambda c: find_document(c, first.text)) == (first, first.text.encode())
    assert [row.number for row in await city.run(lambda c: list_issued(c, PROGRAMME))] == [1, 2, 1]
    assert await city.run(lambda c: correctable(c, PROGRAMME, PARTNER, "2026-10")) == []
    assert await city.run(lambda c: correctable(c, PROGRAMME, PARTNER, "2026-12")) == [first]


async def test_another_sum_for_the_same_month_is_refused(city: Database) -> None:
    """A closed month never changes, so neither does what was issued for it."""
    await issued(city, order())
    with pytest.raises(RegistryRefused, match="over another sum"):
        await issued(city, order(net=101))


async def test_a_document_that_cannot_be_made_takes_no_number(city: Database) -> None:
    """What its maker raises takes the number back: the next one has it."""

    def broken(_: Numbered) -> bytes:
        raise RegistryRefused("too long")

    with pytest.raises(RegistryRefused, match="too long"):
        await city.run(lambda c: issue(c, TESTER, order(), broken))
    assert (await issued(city, order())).number == 1


async def test_a_killed_run_leaves_no_gap(city: Database, ledger_dsn: str) -> None:
    """The server process dies between the number and the end of its transaction: the number is free again."""

    async def killed(connection: Connection) -> None:
        async with connection.transaction():
            await issue(connection, TESTER, order(), lambda n: n.text.encode())
            await connection.fetchval("select pg_terminate_backend(pg_backend_pid())")

    await issued(city, order("2026-09"))
    async with open_database(ledger_dsn, connections_max=1) as victim:
        with pytest.raises(DatabaseUnavailable):
            await victim.run(killed)
    assert (await issued(city, order())).number == 2
    assert (await issued(city, order("2026-11"))).number == 3


async def test_two_runs_at_once_share_the_numbers(city: Database, ledger_dsn: str) -> None:
    """Two offices issue the same twelve months at once: twelve documents, numbered 1 to 12."""
    async with open_database(ledger_dsn, connections_max=2) as other, trio.open_nursery() as nursery:

        async def run(database: Database, months: range) -> None:
            for month in months:
                await issued(database, order(f"2026-{month:02}"))

        nursery.start_soon(run, city, range(1, 13))
        nursery.start_soon(run, other, range(12, 0, -1))
    rows = await city.run(lambda c: list_issued(c, PROGRAMME))
    assert [row.number for row in rows] == list(range(1, 13))
    assert len({row.month for row in rows}) == 12


COPY = """insert into registry.invoice (programme, series, year, number, text, kind, partner, month,
    statement, issued_on, made_at, net_grosze, vat_grosze, gross_grosze)
  select programme, series, year, {number}, 'x', kind, partner, '2026-12', statement, issued_on - {days},
    made_at, 0, 0, 0 from registry.invoice"""


@pytest.mark.parametrize(
    "sql",
    [
        "update registry.invoice set gross_grosze = gross_grosze",
        "delete from registry.invoice",
        "update registry.invoice_document set document = 'x'",
        "truncate registry.invoice cascade",
        COPY.format(number=3, days=0),
        COPY.format(number=2, days=1),
        COPY.format(number=2, days=0),
    ],
    ids=["changed", "deleted", "rewritten", "emptied", "left out", "back in time", "without a document"],
)
async def test_the_database_itself_keeps_what_was_issued(city: Database, sql: str) -> None:
    """No hand changes, deletes or leaves out a number, and none stands without its document."""
    await issued(city, order())

    async def write(c: Connection) -> None:
        async with c.transaction():
            await c.execute("set local cityswitch.actor = 'anna'")
            await c.execute(sql)

    with pytest.raises(StatementRefused):
        await city.run(write)
    assert len(await city.run(lambda c: list_issued(c, PROGRAMME))) == 1


async def test_sent_once_and_numbered_once_by_ksef(city: Database) -> None:
    """The KSeF number comes with the sending or after it, once; a note never gets one."""
    first = await issued(city, order())
    note = await issued(city, order(kind="note"))
    assert await city.run(lambda c: unsent(c, PROGRAMME)) == [first, note]
    assert await city.run(lambda c: unsent(c, PROGRAMME, after=first)) == [note]
    with pytest.raises(RegistryRefused, match="not sent"):
        await city.run(lambda c: record_number(c, TESTER, first.text, NUMBER))
    for _ in range(2):
        await city.run(lambda c: record_sent(c, TESTER, first.text, "file", ""))
        await city.run(lambda c: record_sent(c, TESTER, note.text, "file", ""))
        await city.run(lambda c: record_number(c, TESTER, first.text, NUMBER))
    assert await city.run(lambda c: unsent(c, PROGRAMME)) == []
    assert (await city.run(lambda c: find_document(c, first.text)))[0].ksef_number == NUMBER
    with pytest.raises(RegistryRefused, match="another KSeF number"):
        await city.run(lambda c: record_number(c, TESTER, first.text, NUMBER[:-1] + "3"))
    with pytest.raises(RegistryRefused, match="is like"):
        await city.run(lambda c: record_number(c, TESTER, first.text, NUMBER + "0"))
    with pytest.raises(RegistryRefused, match="no invoice"):
        await city.run(lambda c: record_number(c, TESTER, note.text, NUMBER))
    with pytest.raises(NotInRegistry):
        await city.run(lambda c: record_number(c, TESTER, "F/X/2026/1", NUMBER))


async def test_the_trail_has_who_issued_and_no_copy_of_the_document(city: Database) -> None:
    """`cityswitch audit` tells of each number; the document stands once."""
    year = (await issued(city, order())).year
    rows = await city.run(lambda c: list_audit(c, Wanted(object="invoice")))
    assert [(row["actor"], row["key"]) for row in rows] == [("tests", f"1/F/{year}/1")]
    assert await city.run(lambda c: list_audit(c, Wanted(object="invoice_document"))) == []


async def test_organiser_and_city_are_kept_as_they_were_last_said(city: Database) -> None:
    """Both are said anew at any time, and hold from the next document on."""
    with pytest.raises(NotInRegistry, match="invoices seller"):
        await city.run(lambda c: the_seller(c, PROGRAMME))
    for name in ("Gmina", "Gmina Częstochowa"):
        seller = SELLER._replace(nip="PL 898-214-56-77", name=name, bank_account="pl 1234 5678 90")
        await city.run(lambda c, s=seller: set_seller(c, TESTER, PROGRAMME, s))
    kept = await city.run(lambda c: the_seller(c, PROGRAMME))
    assert kept == SELLER._replace(name="Gmina Częstochowa", bank_account="PL1234567890")
    town = City("8982145677", "Gmina", "Rynek 1", "8982145677-00012")
    await city.run(lambda c: set_city(c, TESTER, PARTNER, town))
    assert await city.run(lambda c: cities_of(c, PROGRAMME)) == {PARTNER: town}


@pytest.mark.parametrize(
    "seller",
    [
        SELLER._replace(nip="8982145678"),
        SELLER._replace(nip="0982145678"),
        SELLER._replace(nip="٨٩٨٢١٤٥٦٧٧"),
        SELLER._replace(name=""),
        SELLER._replace(address="x" * 513),
        SELLER._replace(name="a\x00b"),
        SELLER._replace(unit_id="8982145677-00012"),
        SELLER._replace(unit_name="Urząd", unit_id="5265877635-00012"),
        SELLER._replace(unit_name="Urząd", unit_id="8982145678"),
        SELLER._replace(bank_account="12"),
        SELLER._replace(due_days=366),
    ],
)
async def test_an_organiser_out_of_bounds_is_refused(city: Database, seller: Seller) -> None:
    """A wrong check digit, an empty or too long text, a unit of another city, an account that is none."""
    with pytest.raises(RegistryRefused):
        await city.run(lambda c: set_seller(c, TESTER, PROGRAMME, seller))


@pytest.mark.parametrize(("body", "digits"), [("898214567", "7"), ("526587763", "5"), ("573027440", "")])
def test_a_nip_is_told_by_its_check_digit(body: str, digits: str) -> None:
    """Of the ten last digits exactly one makes a NIP, or none where the remainder is ten."""
    sound = ""
    for last in "0123456789":
        with contextlib.suppress(RegistryRefused):
            sound += check_nip("it", f"PL {body[:3]}-{body[3:]}{last}")[-1]
    assert sound == digits


async def test_a_programme_s_own_role_issues_its_own_and_no_other(city: Database) -> None:
    """An office with one programme's rights issues what was approved, sends and lists; another programme's
    it cannot.
    """

    async def as_city(c: Connection, programme: int) -> list[Issued]:
        async with c.transaction():
            await c.execute(f"set local role {role_name(PROGRAMME)}")
            wanted = order()._replace(programme=programme)
            document, _ = await issue(c, TESTER, wanted, lambda n: n.text.encode())
            await record_sent(c, TESTER, document.text, "file", "")
            return await list_issued(c, programme)

    await city.run(lambda c: make_role(c, PROGRAMME))
    await city.run(lambda c: add_programme(c, TESTER, programme=2, code="zywiec", name="Żywiec"))
    with pytest.raises(StatementRefused, match="approved proposal"):
        await city.run(lambda c: as_city(c, PROGRAMME))
    what = ("issue_documents", order().month)
    number = await city.run(lambda c: propose(c, TESTER, PROGRAMME, what, second_needed=False))
    await city.run(lambda c: approve(c, TESTER, number))
    assert [row.sink for row in await city.run(lambda c: as_city(c, PROGRAMME))] == ["file"]
    with pytest.raises(NotInRegistry):
        await city.run(lambda c: as_city(c, 2))
