"""Where VAT's rate changes: each sum bears the rate of what it is for, from the books to the invoice."""

import csv
import io
from datetime import date, datetime
from functools import partial
from xml.etree import ElementTree

import pypdf
import pytest

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.invoice_billings import say_elsewhere
from ledger.registry.invoice_deliveries import record_outside, record_sent
from ledger.registry.invoice_parties import set_seller
from ledger.registry.invoices import find_document
from ledger.registry.partner_contracts import Details, set_details
from ledger.registry.programmes import add_rules
from ledger.settlement.closing import correct
from ledger.settlement.statement import Line, Statement, read_statement
from ops.invoices.issuing import issue_all
from ops.settlement.month_desk import MonthDesk
from ops.settlement.organiser import Organiser
from ops.settlement.pdf import statement_pdf
from ops.settlement.prices import prices_of
from ops.settlement.sheets import statements_csv
from tests.ledger.books import PARTNER, PROGRAMME, TESTER, Books
from tests.ledger.test_settlement import PAIR, ZONE, Trade
from tests.ops.statements import SELLER
from tests.ops.statements import statement as statement_of
from tests.ops.test_second_person import RULES

DETAILS = Details("Piekarnia Kłos sp. z o.o.", "8982145677", "Rynek 2, 42-200 Częstochowa")
ALONE = '[second_person]\nsource = ["order 8"]\nmonth_close = false\n\n[programme]'


async def city(owner: Database, database: Database) -> Trade:
    """A city whose points cost 10 gr with 23 % of VAT, and from 15 October 12 gr with 8 %."""
    trade = Trade(await Books.open(owner, database, cards=1))
    text = RULES.read_text(encoding="utf-8").replace("[programme]", ALONE)
    later = text.replace("vat_percent = 23", "vat_percent = 8")
    later = later.replace("point_price_grosze = 10", "point_price_grosze = 12")
    for since, rules in (("2026-01-01", text), ("2026-10-15", later)):
        moment = datetime.fromisoformat(since).replace(tzinfo=ZONE)
        await owner.run(
            lambda c, moment=moment, rules=rules: add_rules(  # type: ignore[misc]
                c, TESTER, programme=PROGRAMME, effective_from=moment, rules_toml=rules
            )
        )
    await owner.run(lambda c: set_seller(c, TESTER, PROGRAMME, SELLER))
    await owner.run(lambda c: set_details(c, TESTER, PARTNER, DETAILS))
    return trade


async def corrected(
    owner: Database, month: str, net_grosze: int, origin: str = "", vat_rate: int | None = None
) -> int:
    """Enter a correction; return the rate of VAT it bears."""

    async def job(c: Connection) -> int:
        prices = await prices_of(c, PROGRAMME)
        done = await correct(
            c, PAIR, PARTNER, month, net_grosze, prices=prices, origin=origin, vat_rate=vat_rate
        )
        return done.vat_rate

    return await owner.run(job)


async def settled(owner: Database, month: str, *, is_closed: bool = True) -> Statement:
    desk = MonthDesk(owner, PROGRAMME)
    await desk.run(TESTER, month)
    if is_closed:
        await desk.approve(TESTER, await desk.propose_close(TESTER, month))
    return await owner.run(lambda c: read_statement(c, PROGRAMME, PARTNER, month))


def rated(statement: Statement) -> list[tuple[str, str, int, int | None]]:
    return [(line.kind, line.origin, line.net_grosze, line.vat_rate) for line in statement.lines]


async def october(owner: Database, database: Database) -> Statement:
    """100 points of September, 60 and 40 of October at both rates, of which 100 and 60 are taken back; and
    corrections of September, of October, and of a letter.
    """
    trade = await city(owner, database)
    of_september = await trade.earn("2026-09-02 12:00", 100)
    await trade.earn("2026-09-03 12:00", 100)
    await settled(owner, "2026-09")
    first = await trade.earn("2026-10-10 12:00", 60)
    await trade.earn("2026-10-11 12:00", 30)
    await trade.earn("2026-10-20 12:00", 40, version=2)
    await trade.reverse("2026-10-21 12:00", of_september)
    await trade.reverse("2026-10-22 12:00", first)
    await corrected(owner, "2026-10", -500, "2026-09")
    await corrected(owner, "2026-10", 70, "2026-10", 8)
    await corrected(owner, "2026-10", 20, "2026-10", 23)
    await corrected(owner, "2026-10", 30, "a letter", 8)
    return await settled(owner, "2026-10")


async def test_each_line_bears_the_rate_of_what_it_is_for(owner: Database, database: Database) -> None:
    """Points by the version their sale was decided by, also where they are taken back; a correction as
    the month billed it that it is of; VAT once for each document and rate.
    """
    statement = await october(owner, database)
    assert rated(statement) == [
        ("points_bought", "", 300, 23),
        ("points_bought", "", 480, 8),
        ("points_bought", "2026-09", -1000, 23),
        ("correction", "", 20, 23),
        ("correction", "", 70, 8),
        ("correction", "2026-09", -500, 23),
        ("correction", "a letter", 30, 8),
    ]
    assert statement.vat_grosze == 74 + 46 - 345  # 320 gr at 23 %: 73.6; 580 gr at 8 %: 46.4
    summary = await MonthDesk(owner, PROGRAMME).summary("2026-10")
    assert [(line.kind, line.net_grosze, line.vat_rate) for line in summary.lines if not line.origin] == [
        ("points_bought", 300, 23),
        ("points_bought", 480, 8),
        ("correction", 20, 23),
        ("correction", 70, 8),
    ]


async def test_the_lease_bears_the_rate_of_the_month_s_end(owner: Database, database: Database) -> None:
    """It is of the whole month: the version in force when that ended rates it, whenever it began."""
    await city(owner, database)
    month = f"{datetime.now(ZONE):%Y-%m}"
    (lease,) = (await settled(owner, month, is_closed=False)).lines
    assert lease == Line("lease", 2, 100, 200, 8, contract=1)


def fields(document: bytes, *names: str) -> dict[str, str]:
    """What an invoice says in these fields, where they are there."""
    root = ElementTree.fromstring(document)
    return {each.tag.partition("}")[2]: each.text or "" for each in root.iter() if each.tag.endswith(names)}


async def test_a_document_sums_up_each_rate_by_itself(owner: Database, database: Database) -> None:
    """October's invoice has both rates, net and VAT of each; the correction of September's has September's,
    and what each says is its statement's to the grosz.
    """
    statement = await october(owner, database)
    september = await owner.run(lambda c: read_statement(c, PROGRAMME, PARTNER, "2026-09"))
    (billed,) = (await issue_all(owner, PAIR, PROGRAMME, [september])).issued
    await owner.run(lambda c: record_sent(c, PAIR, billed.text, "file", ""))
    await owner.run(lambda c: record_outside(c, PAIR, billed.text))
    outcome = await issue_all(owner, PAIR, PROGRAMME, [statement])
    assert outcome.refused == []
    told = {}
    for issued in outcome.issued:
        _, document = await owner.run(partial(find_document, text=issued.text))
        told[issued.kind] = fields(document, "P_13_1", "P_14_1", "P_13_2", "P_14_2", "P_15")
    assert told == {
        "invoice": {"P_13_1": "3.20", "P_14_1": "0.74", "P_13_2": "5.80", "P_14_2": "0.46", "P_15": "10.20"},
        "correction": {"P_13_1": "-15.00", "P_14_1": "-3.45", "P_15": "-18.45"},
    }
    assert sum(issued.vat_grosze for issued in outcome.issued) == statement.vat_grosze


async def test_every_form_of_a_statement_says_each_line_s_rate(owner: Database, database: Database) -> None:
    """The CSV, and the PDF for people."""
    statement = await october(owner, database)
    rows = [row for row in csv.DictReader(io.StringIO(statements_csv([statement]))) if row["row"] == "line"]
    assert [row["vat_rate"] for row in rows] == ["23", "8", "23", "23", "8", "23", "8"]
    pages = pypdf.PdfReader(io.BytesIO(statement_pdf(statement, Organiser("Karta")))).pages
    text = "".join(page.extract_text() for page in pages).replace("\u00a0", " ")
    assert (text.count("23 %"), text.count("8 %")) == (4, 3)


async def test_no_more_is_taken_off_at_a_rate_than_was_billed_at_it(
    owner: Database, database: Database
) -> None:
    """Of October, 100 zł at 23 % and 1.20 zł at 8 % are billed: 50 zł at 8 % are not taken off it, whether
    the correction names October or a person does; 1.20 zł are.
    """
    trade = await city(owner, database)
    await trade.earn("2026-09-03 12:00", 1)
    await settled(owner, "2026-09")
    for day in range(1, 11):
        await trade.earn(f"2026-10-{day:02} 12:00", 100)
    await trade.earn("2026-10-20 12:00", 10, version=2)
    october = await settled(owner, "2026-10")
    (billed,) = (await issue_all(owner, PAIR, PROGRAMME, [october])).issued
    await owner.run(lambda c: record_sent(c, PAIR, billed.text, "file", ""))
    await owner.run(lambda c: record_outside(c, PAIR, billed.text))

    async def whys(net_grosze: int, origin: str, takes_from: str = "") -> list[str]:
        line = Line("correction", 1, net_grosze, net_grosze, 8, origin)
        november = statement_of(line, partner=PARTNER, month="2026-11")
        outcome = await issue_all(owner, PAIR, PROGRAMME, [november], takes_from=takes_from)
        return [str(each.why) for each in outcome.refused]

    for origin, takes_from in (("2026-10", ""), ("", "2026-10")):
        (why,) = await whys(-5000, origin, takes_from)
        assert f"more at 8 % of VAT than is left of {billed.text} at that rate (120 gr net)" in why
    assert await whys(-120, "2026-10") == []


async def test_a_correction_bears_the_rate_at_which_its_month_billed(
    owner: Database, database: Database
) -> None:
    """Found where the month had one rate; where it had more it is asked for; one at which it billed nothing
    is refused, at the desk as by the command.
    """
    trade = await city(owner, database)
    await trade.earn("2026-09-03 12:00", 100)
    await settled(owner, "2026-09")
    await trade.earn("2026-10-02 12:00", 100)
    await trade.earn("2026-10-20 12:00", 100, version=2)
    await settled(owner, "2026-10")
    month, desk = f"{datetime.now(ZONE):%Y-%m}", MonthDesk(owner, PROGRAMME)
    assert await corrected(owner, month, -5, "2026-09") == 23
    assert await corrected(owner, month, -5) == 8, "of the month itself, in which one rate holds"
    for rate in (23, 8):
        assert await corrected(owner, month, -5, "2026-10", rate) == rate
    wrong: list[tuple[str, int | None, str]] = [
        ("2026-10", None, r"2026-10 has more than one rate of VAT \(23, 8 %\)"),
        ("2026-10", 5, "billed this partner nothing at 5 % of VAT, only at 23, 8 %"),
        ("2026-09", 8, "2026-09 billed this partner nothing at 8 % of VAT, only at 23 %"),
        ("", 23, "nothing at 23 % of VAT, only at 8 %"),
        ("2026-09", 22, "there is no VAT of 22 %"),
    ]
    for origin, rate, why in wrong:
        with pytest.raises(RegistryRefused, match=why):
            await corrected(owner, month, -5, origin, rate)
        with pytest.raises(RegistryRefused, match=why):
            await desk.propose_correction(PAIR, PARTNER, month, -5, origin=origin, vat_rate=rate)
    number = await desk.propose_correction(
        Actor("jan", "typed wrong"), PARTNER, month, -7, origin="2026-10", vat_rate=23
    )
    await desk.approve(PAIR, number)
    lines = rated(await settled(owner, month, is_closed=False))
    assert sorted(line for line in lines if line[0] == "correction") == [
        ("correction", "", -5, 8),
        ("correction", "2026-09", -5, 23),
        ("correction", "2026-10", -7, 23),
        ("correction", "2026-10", -5, 8),
        ("correction", "2026-10", -5, 23),
    ]


async def test_a_month_that_billed_nothing_has_the_rates_of_its_rules(
    owner: Database, database: Database
) -> None:
    """What was forgotten to be billed is added at the rate of that time; of two rates it is asked for."""
    await city(owner, database)
    month = f"{datetime.now(ZONE):%Y-%m}"
    assert await corrected(owner, month, 500, "2026-09") == 23
    with pytest.raises(RegistryRefused, match="2026-10 has more than one rate"):
        await corrected(owner, month, 500, "2026-10")
    assert await corrected(owner, month, 500, "2026-10", 23) == 23
    assert await corrected(owner, month, 500, "2025-10") == 23, "before all rules: the basic rate"


async def test_a_closed_month_that_billed_nothing_is_not_corrected(
    owner: Database, database: Database
) -> None:
    """No invoice is of it, so the correction would be in no document; one from elsewhere is corrected."""
    trade = await city(owner, database)
    await trade.earn("2026-10-02 12:00", 100)
    await settled(owner, "2026-10")
    month, desk = f"{datetime.now(ZONE):%Y-%m}", MonthDesk(owner, PROGRAMME)
    for net in (500, -500):
        with pytest.raises(RegistryRefused, match="2026-09 billed partner 7 nothing and is closed"):
            await corrected(owner, month, net, "2026-09")
        with pytest.raises(RegistryRefused, match="no invoice to correct"):
            await desk.propose_correction(PAIR, PARTNER, month, net, origin="2026-09")
    await owner.run(
        lambda c: say_elsewhere(c, PAIR, PARTNER, "2026-09", ("FV 9/2026", date(2026, 9, 30), ""))
    )
    assert await corrected(owner, month, -500, "2026-09") == 23


async def test_what_a_month_billed_at_another_rate_is_corrected_at_it(
    owner: Database, database: Database
) -> None:
    """October billed at 23 % and at 8 %: of either a part is taken off its invoice at its own rate, by a
    correction (KOR) that the schema takes and that says each rate by itself.
    """
    trade = await city(owner, database)
    await trade.earn("2026-09-03 12:00", 1)
    await settled(owner, "2026-09")
    await trade.earn("2026-10-02 12:00", 100)
    await trade.earn("2026-10-20 12:00", 100, version=2)
    october = await settled(owner, "2026-10")
    (billed,) = (await issue_all(owner, PAIR, PROGRAMME, [october])).issued
    await owner.run(lambda c: record_sent(c, PAIR, billed.text, "file", ""))
    await owner.run(lambda c: record_outside(c, PAIR, billed.text))
    month = f"{datetime.now(ZONE):%Y-%m}"
    for net, rate in ((-100, 23), (-200, 8)):
        await corrected(owner, month, net, "2026-10", rate)
    taken = [each for each in (await settled(owner, month, is_closed=False)).lines if each.origin]
    november = statement_of(*taken, partner=PARTNER, month="2026-11")
    outcome = await issue_all(owner, PAIR, PROGRAMME, [november])
    assert outcome.refused == []
    (issued,) = outcome.issued
    _, document = await owner.run(partial(find_document, text=issued.text))
    assert issued.kind == "correction"
    assert fields(document, "P_13_1", "P_14_1", "P_13_2", "P_14_2", "P_15") == {
        "P_13_1": "-1.00", "P_14_1": "-0.23", "P_13_2": "-2.00", "P_14_2": "-0.16", "P_15": "-3.39",
    }  # fmt: skip
    assert issued.vat_grosze == november.vat_grosze == -39
