"""What was issued to partners: numbers without a gap, whatever happens meanwhile; nothing that changes."""

import contextlib
import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
import trio

from ledger.errors import DatabaseUnavailable, NotInRegistry, RegistryRefused, StatementRefused
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import Actor, Wanted, list_audit, writing
from ledger.registry.invoice_billings import Billing, billing_of, say_elsewhere
from ledger.registry.invoice_deliveries import record_number, record_outside, record_sent
from ledger.registry.invoice_parties import (
    City,
    Seller,
    check_account,
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
    ToIssue,
    digests_of,
    find_document,
    issue,
    list_issued,
    unsent,
)
from ledger.registry.ksef_numbers import check_sum
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.programmes import add_programme
from ledger.registry.proposals import approve, propose
from tests.days import today
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, found_registry
from tests.ops.statements import ksef_number

SELLER = Seller("8982145677", "Gmina", "Rynek 1")
IBAN = "PL61109010140000071219812874"


@pytest.fixture
async def city(owner: Database) -> Database:
    """A registry with one partner."""
    await owner.run(lambda c: found_registry(c, 1))
    return owner


def order(month: str = "2026-10", kind: Kind = "invoice", net: int = 100, takes_from: str = "") -> Order:
    sums = (net, net * 23 // 100)
    made = Order(PROGRAMME, PARTNER, month, f"CZ/{month}", kind, *sums, SELLER.nip, takes_from, takes_from)
    return made._replace(net_of={} if kind == "note" else {23: net})


async def issued(database: Database, wanted: Order) -> Issued:
    return (await database.run(lambda c: issue(c, TESTER, wanted, lambda n, _: n.text.encode())))[0]


async def test_numbers_follow_each_other_and_a_month_is_issued_once(city: Database) -> None:
    """Invoices and corrections share a series, notes have another; asked again, what is there is returned."""
    first = await issued(city, order())
    year = first.issued_on.year
    assert first.text == f"F/CZESTOCHOWA/{year}/1"
    await city.run(lambda c: record_sent(c, TESTER, first.text, "file", ksef_number()))
    first = (await city.run(lambda c: find_document(c, first.text)))[0]
    correction = order("2026-11", "correction", -100, "2026-10")
    assert (await issued(city, correction)).text == f"F/CZESTOCHOWA/{year}/2"
    assert (await issued(city, order(kind="note"))).text == f"N/CZESTOCHOWA/{year}/1"
    again, is_new = await city.run(lambda c: issue(c, TESTER, order(), lambda *_: b"other"))
    assert (again, is_new) == (first, False)
    assert await city.run(lambda c: find_document(c, first.text)) == (first, first.text.encode())
    assert [row.number for row in await city.run(lambda c: list_issued(c, PROGRAMME))] == [1, 2, 1]


async def test_another_sum_for_the_same_month_is_refused(city: Database) -> None:
    """A closed month never changes, so neither does what was issued for it."""
    await issued(city, order())
    with pytest.raises(RegistryRefused, match="over another sum"):
        await issued(city, order(net=101))


async def test_a_document_that_cannot_be_made_takes_no_number(city: Database) -> None:
    """What its maker raises takes the number back: the next one has it."""

    def broken(_: Numbered, __: Billing | None) -> bytes:
        raise RegistryRefused("too long")

    with pytest.raises(RegistryRefused, match="too long"):
        await city.run(lambda c: issue(c, TESTER, order(), broken))
    assert (await issued(city, order())).number == 1


async def test_a_killed_run_leaves_no_gap(city: Database, ledger_dsn: str) -> None:
    """The server process dies between the number and the end of its transaction: the number is free again."""

    async def killed(connection: Connection) -> None:
        async with connection.transaction():
            await issue(connection, TESTER, order(), lambda n, _: n.text.encode())
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
    statement, issued_on, made_at, net_grosze, vat_grosze, gross_grosze, seller_nip)
  select programme, series, year, {number}, 'x', kind, partner, '2026-12', statement, issued_on - {days},
    made_at, 0, 0, 0, seller_nip from registry.invoice"""


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


async def test_sent_once_and_numbered_by_ksef(city: Database) -> None:
    """The KSeF number comes with the sending or after it; a note never gets one, and no two have the same."""
    first, second = await issued(city, order()), await issued(city, order("2026-11"))
    note = await issued(city, order(kind="note"))
    assert await city.run(lambda c: unsent(c, PROGRAMME)) == [first, second, note]
    assert await city.run(lambda c: unsent(c, PROGRAMME, after=second)) == [note]
    number = ksef_number()
    with pytest.raises(RegistryRefused, match="not sent"):
        await city.run(lambda c: record_number(c, TESTER, first.text, number))
    for _ in range(2):
        for text in (first.text, second.text, note.text):
            await city.run(lambda c, text=text: record_sent(c, TESTER, text, "file", ""))
        await city.run(lambda c: record_number(c, TESTER, first.text, number))
    assert await city.run(lambda c: unsent(c, PROGRAMME)) == []
    assert (await city.run(lambda c: find_document(c, first.text)))[0].ksef_number == number
    with pytest.raises(RegistryRefused, match=f"is that of {first.text}"):
        await city.run(lambda c: record_number(c, TESTER, second.text, number))
    with pytest.raises(RegistryRefused, match="no invoice"):
        await city.run(lambda c: record_number(c, TESTER, note.text, number))
    with pytest.raises(NotInRegistry):
        await city.run(lambda c: record_number(c, TESTER, "F/X/2026/1", number))


NIGHT = timedelta(days=1)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (lambda: "x", "is like"),
        (lambda: ksef_number() + "0", "is like"),
        (lambda: ksef_number().replace("0100001AF629", "010000-1AF629"), "is like"),
        (lambda: ksef_number().replace("629-", "628-"), "check sum"),
        (lambda: ksef_number(nip="5265877635"), "another seller"),
        (lambda: ksef_number(today() - NIGHT), "another day"),
        (lambda: ksef_number(today() + NIGHT), "another day"),
        (lambda: "5265877635-20200101-A1B2C3-D4E5F6-12", "is like"),
    ],
)
async def test_a_ksef_number_of_another_invoice_is_refused(
    city: Database, number: Callable[[], str], why: str
) -> None:
    """Its form, its check sum, its seller and its day, whoever brings it: a person, or what sent it."""
    first, told = await issued(city, order()), number()
    refused = await city.run(lambda c: record_sent(c, TESTER, first.text, "ksef", told))
    assert refused is not None
    assert re.search(f"{told}: .*{why}", refused)
    sent, _ = await city.run(lambda c: find_document(c, first.text))
    assert (sent.sink, sent.ksef_number, sent.told_number) == ("ksef", "", told), "kept, and no number"
    with pytest.raises(RegistryRefused, match=why):
        await city.run(lambda c: record_number(c, TESTER, first.text, number()))


def test_the_check_sum_is_the_published_one() -> None:
    """The example of the Ministry's page of the number."""
    assert check_sum("5265877635-20250826-0100001AF629") == "AF"


async def test_what_is_said_of_ksef_is_replaced_with_a_reason_until_a_correction_carries_it(
    city: Database,
) -> None:
    """A wrong number, or a wrong "outside KSeF": the trail has who, why, and what it was."""
    first, wrong = await issued(city, order()), ksef_number()
    right = f"{wrong[:19]}-0200001AF629"
    right = f"{right}-{check_sum(right)}"
    await city.run(lambda c: record_sent(c, TESTER, first.text, "file", wrong))
    bare, why = Actor("anna"), Actor("anna", "typed from another row")

    async def noted(actor: Actor, number: str) -> None:
        await city.run(lambda c: record_number(c, actor, first.text, number))

    with pytest.raises(RegistryRefused, match="wants a reason"):
        await noted(bare, right)
    await noted(bare, wrong)
    await city.run(lambda c: record_outside(c, why, first.text))
    billing = await city.run(lambda c: billing_of(c, PROGRAMME, PARTNER, "2026-10"))
    assert billing == (first.text, first.issued_on, "", True, {23: 100})
    await noted(why, right)
    rows = await city.run(lambda c: list_audit(c, Wanted(object="invoice_delivery", actor="anna")))
    assert [row["reason"] for row in rows] == ["typed from another row"] * 2
    assert wrong in str(rows[1]["before"])
    await issued(city, order("2026-11", "correction", -100, "2026-10"))
    with pytest.raises(RegistryRefused, match=f"/2 names {first.text}"):
        await noted(why, wrong)

    async def by_hand(c: Connection) -> None:
        async with writing(c, why):
            await c.execute("update registry.invoice_delivery set ksef_number = ''")

    with pytest.raises(StatementRefused, match="as it is known to KSeF"):
        await city.run(by_hand)


async def test_an_invoice_from_elsewhere_is_named_until_a_correction_is_of_it(city: Database) -> None:
    """Of a month that was not invoiced here; with its day, that is not to come, and a reason."""
    await city.run(lambda c: set_seller(c, TESTER, PROGRAMME, SELLER))
    why = Actor("anna", "before this office")

    async def say(month: str, day: date, number: str = "", actor: Actor = why) -> None:
        await city.run(lambda c: say_elsewhere(c, actor, PARTNER, month, ("FV/5", day, number)))

    with pytest.raises(RegistryRefused, match="reason"):
        await say("2026-05", today(), actor=Actor("anna"))
    with pytest.raises(RegistryRefused, match="to come"):
        await say("2026-05", today() + NIGHT)
    with pytest.raises(RegistryRefused, match="another seller"):
        await say("2026-05", today(), ksef_number(nip="5265877635"))
    await say("2026-05", today() - NIGHT)
    await say("2026-05", today(), ksef_number())
    billing = await city.run(lambda c: billing_of(c, PROGRAMME, PARTNER, "2026-05"))
    assert billing == ("FV/5", today(), ksef_number(), False, None)
    ours = await issued(city, order())
    with pytest.raises(RegistryRefused, match=f"billed by {ours.text}"):
        await say("2026-10", today())
    with pytest.raises(RegistryRefused, match="billed by FV/5"):
        await issued(city, order("2026-05"))
    await issued(city, order("2026-11", "correction", -100, "2026-05"))
    with pytest.raises(RegistryRefused, match="is of FV/5, as it was told then"):
        await say("2026-05", today())


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
        seller = SELLER._replace(
            nip="PL 898-214-56-77", name=name, bank_account="pl61 1090 1014 0000 0712 1981 2874"
        )
        await city.run(lambda c, s=seller: set_seller(c, TESTER, PROGRAMME, s))
    kept = await city.run(lambda c: the_seller(c, PROGRAMME))
    assert kept == SELLER._replace(name="Gmina Częstochowa", bank_account=IBAN)
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
        SELLER._replace(bank_account="abc 123 456 789"),
        SELLER._replace(bank_account=f"PL00{IBAN[4:]}"),
        SELLER._replace(bank_account=IBAN[2:-1]),
        SELLER._replace(bank_account=f"{IBAN}0"),
        SELLER._replace(due_days=366),
    ],
)
async def test_an_organiser_out_of_bounds_is_refused(city: Database, seller: Seller) -> None:
    """A wrong check digit, an empty or too long text, a unit of another city, an account that is none."""
    with pytest.raises(RegistryRefused):
        await city.run(lambda c: set_seller(c, TESTER, PROGRAMME, seller))


@pytest.mark.parametrize("country", ["", "PL"])
def test_an_account_is_told_by_its_check_digits(country: str) -> None:
    """An NRB or an IBAN, with spaces; of a hundred pairs of check digits one makes an account."""
    sound = []
    for check in range(100):
        with contextlib.suppress(RegistryRefused):
            sound.append(check_account("it", f"{country}{check:02} 1090 1014 0000 0712 1981 2874"))
    assert sound == [f"{country}{IBAN[2:]}"]
    assert check_account("it", "DE89 3704 0044 0532 0130 00") == "DE89370400440532013000"


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
            document, _ = await issue(c, TESTER, wanted, lambda n, _: n.text.encode())
            await record_sent(c, TESTER, document.text, "file", "")
            return await list_issued(c, programme)

    await city.run(lambda c: make_role(c, PROGRAMME))
    await city.run(lambda c: add_programme(c, TESTER, programme=2, code="zywiec", name="Żywiec"))
    with pytest.raises(StatementRefused, match="approved proposal"):
        await city.run(lambda c: as_city(c, PROGRAMME))
    what = ("issue_documents", order().month)
    digests = await city.run(lambda c: digests_of(c, [ToIssue(order(), lambda n, _: n.text.encode())]))
    terms = {"digests": digests}
    number = await city.run(lambda c: propose(c, TESTER, PROGRAMME, what, terms, second_needed=False))
    await city.run(lambda c: approve(c, TESTER, number))
    assert [row.sink for row in await city.run(lambda c: as_city(c, PROGRAMME))] == ["file"]
    with pytest.raises(NotInRegistry):
        await city.run(lambda c: as_city(c, 2))
