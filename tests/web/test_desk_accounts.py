"""The desk's pages of months, statements and points in a real browser: two persons, to the end."""

import csv
import io
from typing import Any

import pypdf
import pytest
from playwright.sync_api import Page, expect

from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.invoice_billings import Billing
from ledger.registry.invoice_parties import Seller
from ledger.registry.invoices import Numbered, Order, issue
from ops.invoices.drafts import drafts_of
from ops.invoices.fa3 import Parties
from ops.invoices.note_files import read_note
from ops.invoices.notes import write_note
from tests.ops.statements import rebate, statement
from tests.ops.test_applications import number_of
from tests.web.browser import whole
from tests.web.desk_acts import Clicked, by_menu, covers, kept
from tests.web.desk_months import (
    SETTLED,
    approve,
    fault,
    first_month,
    last_month,
    newest,
    owes,
    owes_of_before,
    the_documents,
    what_changed_meanwhile,
)
from tests.web.office_stage import TESTER, Client, OfficeStage

WITH_POINTS = 1
CITIES = {"zgierz": SETTLED, "czestochowa": WITH_POINTS}
"""A city whose months are settled, and one that has points."""
MONTH = "/desk/months/{month}"
PARTNER = f"{MONTH}/{{partner:int}}"
DOCUMENTS = f"{MONTH}/documents"


@pytest.fixture(scope="module")
def clients(office: OfficeStage) -> dict[str, Client]:
    """Two officers of the accounts of each city, who have signed in."""
    found = {}
    for city, programme in CITIES.items():
        for name in ("ann", "ben"):
            office.officer(programme, f"{name}-accounts", "accounts")
            found[f"{name}{programme}"] = office.signed_in(city, f"{name}-accounts")
    return found


def two(desk: Clicked, clients: dict[str, Client], programme: int) -> tuple[Page, Page]:
    """The browsers of who proposes, and of the second person."""
    ann, ben = (desk.browser_of(clients[f"{name}{programme}"]) for name in ("ann", "ben"))
    return ann, ben


@pytest.fixture(scope="module")
def partner(office: OfficeStage) -> int:
    """A partner of the city, that an invoice can name."""
    (row,) = office.sql(
        "select min(partner) as id from registry.partner_details where programme = $1 and address <> ''",
        SETTLED,
    )
    found: int = row["id"]
    return found


@covers(
    "GET /desk/months", f"GET {MONTH}", f"POST {MONTH} run", f"POST {MONTH} propose_close",
    f"POST {MONTH} correct", "POST /desk/proposals/{number:int} refuse",
    f"GET {PARTNER}", f"GET {PARTNER}/csv",
    f"GET {PARTNER}/pdf", f"GET {MONTH}/statements.csv", f"GET {MONTH}/summary.csv",
    f"GET {MONTH}/notes.csv", f"GET {PARTNER}/note.csv", f"GET {PARTNER}/note.pdf",
    f"GET {PARTNER}/document", f"GET {DOCUMENTS}", f"POST {DOCUMENTS} propose",
    f"POST {DOCUMENTS} send", f"POST {DOCUMENTS} number", f"POST {DOCUMENTS} outside",
    by_second=("POST /desk/proposals/{number:int} approve",),
)  # fmt: skip
def test_a_month_is_corrected_settled_and_closed_by_two_persons(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client], partner: int
) -> None:
    """A correction and a close: proposed by one, approved by another, and by nobody alone; then the files."""
    ann, ben = two(desk, clients, SETTLED)
    propose_correction(office, ann, partner, "12,50")
    approve(ann)
    assert "another person" in fault(ann)
    by_menu(office, ben, "/desk/months")
    approve(ben)
    propose_correction(office, ann, partner, "-3")
    newest(ann).locator("button[value=refuse]").click()
    by_menu(office, ann, "/desk/months")
    ann.fill("#month", first_month())
    ann.click("#open_month")
    ann.click("#act_propose_close")
    assert "compute" in fault(ann), "nobody closes what nobody saw"
    ann.click("#act_run")
    assert ann.locator("#due_grosze").inner_text() == "PLN 15.38"
    ann.fill("#reason_close", "month end")
    ann.click("#act_propose_close")
    expect(whole(ann).locator("#act_propose_close")).to_have_count(0)
    by_menu(office, ben, "/desk/months")
    approve(ben)
    ben.get_by_role("link", name=first_month()).click()
    assert "was closed" in ben.locator("#state").inner_text()
    the_files(ben, partner)
    the_notes(office, ben, partner)
    (row,) = office.sql("select actor, second from registry.audit where object = 'settlement_period'")
    assert row["actor"].startswith("Ben")
    assert row["second"].startswith("Ann")
    the_documents(office, ann)
    close_the_last(office, ann, ben, partner)
    what_changed_meanwhile(office, ann, partner)


def close_the_last(office: OfficeStage, ann: Page, ben: Page, partner: int) -> None:
    """What changed since it was proposed is not approved: refused and proposed anew, it is closed."""
    owes(office, partner, last_month())
    owes_of_before(office, partner)
    ann.goto(f"{office.url}en/desk/months/{last_month()}")
    ann.click("#act_run")
    ann.click("#act_propose_close")
    assert "waits to be approved" in ann.locator("#close_waits").inner_text()
    owes(office, partner, last_month())
    by_menu(office, ben, "/desk/months")
    approve(ben)
    assert "not what was proposed any more" in fault(ben)
    ann.goto(f"{office.url}en/desk/months/{last_month()}")
    ann.click("#act_run")
    assert "changed since" in ann.locator("#close_waits").inner_text()
    by_menu(office, ben, "/desk/months")
    newest(ben).locator("button[value=refuse]").click()
    ann.goto(f"{office.url}en/desk/months/{last_month()}")
    ann.click("#act_propose_close")
    by_menu(office, ben, "/desk/months")
    approve(ben)


def propose_correction(office: OfficeStage, page: Page, partner: int, net: str) -> None:
    page.goto(f"{office.url}en/desk/months/{first_month()}")
    page.fill("#partner", str(partner))
    page.fill("#net", net)
    page.fill("#origin", "typed twice")
    page.fill("#reason_correct", "the till's roll says another sum")
    page.click("#act_correct")
    assert page.url == f"{office.url}en/desk/months?done=1", "where it waits"
    expect(page.get_by_role("status")).to_have_text("Done.")


def the_files(page: Page, partner: int) -> None:
    """The statement on screen, as CSV and PDF; all of them; the summary: one sum."""
    every, summary = (opened(kept(page, link)) for link in ("#statements_csv", "#summary_csv"))
    page.get_by_role("link", name=str(partner), exact=True).click()
    assert page.locator("#due_grosze").inner_text() == "PLN 15.38"
    for rows in (every, summary, opened(kept(page, "#csv"))):
        assert [row["Due (PLN)"] for row in rows if row["Row"] == "Total"] == ["15.38"]
    pdf = pypdf.PdfReader(io.BytesIO(kept(page, "#pdf")))
    assert "15.38" in pdf.pages[0].extract_text()
    assert "/StructTreeRoot" in pdf.root_object, "the PDF is tagged"


def opened(body: bytes) -> list[dict[str, str]]:
    """A file as a spreadsheet reads it."""
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def the_notes(office: OfficeStage, page: Page, partner: int) -> None:
    """The note of its rebates, and all of the month: CSV, PDF and as it was issued, one sum; no other's."""
    of = statement(rebate(5_000), rebate(-700), partner=partner, month=first_month())
    order = Order(SETTLED, partner, first_month(), of.number, "note", 4_300, 0, "8982145677")
    seller = Seller("8982145677", "Gmina", "Rynek 1")

    def write(numbered: Numbered, _: Billing | None) -> bytes:
        return write_note(of, drafts_of(of)[0], Parties(seller), numbered)

    office.run(lambda owner: owner.run(lambda c: issue(c, TESTER, order, write)))
    page.goto(f"{office.url}en/desk/months/{first_month()}")
    every = kept(page, "#notes_csv")
    page.get_by_role("link", name=str(partner), exact=True).click()
    assert kept(page, "#note_csv") == every
    rows = list(csv.DictReader(io.StringIO(every.decode())))
    assert [row["amount_grosze"] for row in rows] == ["5000", "-700", "4300"]
    pdf = pypdf.PdfReader(io.BytesIO(kept(page, "#note_pdf")))
    assert "PLN 43.00" in pdf.pages[0].extract_text().replace("\u00a0", " ")
    assert "/StructTreeRoot" in pdf.root_object
    issued = kept(page, "#documents a")
    assert read_note(issued).amount_grosze == 4_300
    client = office.signed_in("zgierz", "ann-accounts")
    number = read_note(issued).number
    assert client.get(f"/en/desk/months/{first_month()}/{partner}/document?number={number}").body == issued
    for place in (
        f"{last_month()}/{partner}",
        f"{first_month()}/{partner + 1}",
        f"{first_month()}/{10**12}",
        f"x/{partner}",
    ):
        for what in ("note.csv", "note.pdf", f"document?number={number}"):
            assert client.get(f"/en/desk/months/{place}/{what}").status == 404, (place, what)
    assert client.get(f"/en/desk/months/{last_month()}/notes.csv").status == 404


def test_nothing_stands_in_for_the_second_person(office: OfficeStage) -> None:
    """The database itself refuses a programme's role what nobody agreed to: close, correction, invoice."""

    async def run(_owner: Database) -> list[str]:
        said = []
        for sql in (
            "insert into registry.settlement_period (programme, month, first_id, through_id, zone) "
            "values (1, '2020-01', 1, 2, 'x')",
            "insert into registry.settlement_correction (programme, partner, month, net_grosze, vat_rate) "
            "select 1, min(id), '2030-01', 5, 23 from registry.partner",
            "insert into registry.invoice (programme, series, year, number, text, kind, partner, month, "
            "statement, issued_on, made_at, net_grosze, vat_grosze, gross_grosze, seller_nip) "
            "select 1, 'F', 2026, 1, 'F/1', 'invoice', min(id), '2020-01', 's', '2026-02-01', now(), 1, 0, 1,"
            " '8982145677' from registry.partner",
            "update registry.proposal set state = 2 where number = (select number from mine)",
            "insert into registry.proposal (programme, act, subject, state) values (1, 'anonymise', '8', 2)",
        ):

            async def job(c: Connection, sql: str = sql) -> None:
                async with c.transaction():
                    await c.execute("set local cityswitch.actor = 'ann'")
                    await c.execute("set local cityswitch.second = 'nobody'")
                    await c.execute(
                        "create temp table mine on commit drop as select 0::bigint as number where false"
                    )
                    await c.execute(
                        "with made as (insert into registry.proposal (programme, act, subject) "
                        "values (1, 'anonymise', '16') returning number) insert into mine select * from made"
                    )
                    await c.execute(sql)

            try:
                await office.offices[WITH_POINTS].database.run(job)
            except Exception as error:
                said.append(str(error))
            else:
                said.append("")
        return said

    closed, corrected, issued, approved, begun = office.run(run)
    assert "the month after" in closed or "approved proposal" in closed
    assert "approved proposal" in corrected
    assert "approved proposal" in issued
    assert "another person" in approved
    assert "begins as a proposal" in begun


def number(n: int) -> str:
    return number_of("96161", 7_000 + n)


@pytest.fixture(scope="module")
def cards(office: OfficeStage) -> list[str]:
    """Some active cards."""
    token = office.master.pepper(WITH_POINTS).token
    digits = [number(n) for n in range(3)]

    async def run(owner: Database) -> None:
        rows = [CardRow(token(each), each[-4:], None, CardStatus.ACTIVE) for each in digits]
        await owner.run(lambda c: import_cards(c, TESTER, WITH_POINTS, rows))

    office.run(run)
    return digits


@covers(
    "GET /desk/points", "GET /desk/points/{number:int}", "POST /desk/points correct",
    "POST /desk/points open", "POST /desk/points/{number:int} refuse",
    by_second=("POST /desk/points/{number:int} approve",),
)  # fmt: skip
def test_points_are_corrected_and_opened_by_two_persons(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client], cards: list[str]
) -> None:
    """Proposed with a reason, approved by another who says the sum; and refused."""
    ann, ben = two(desk, clients, WITH_POINTS)
    propose_points(office, ann, cards[0], "25")
    assert cards[0] not in whole(ann).content()
    approve_points(ann, "25")
    assert "another person" in fault(ann)
    ben.goto(ann.url)
    approve_points(ben, "24")
    assert "does not come to 24" in fault(ben)
    approve_points(ben, "25")
    assert ben.locator("#state").inner_text() == "approved"
    by_menu(office, ann, "/desk/points")
    ann.fill("#lines", f"{cards[1]} 300 OLD-1\n{cards[2]} 40 OLD-2")
    ann.fill("#reason_open", "the old system")
    ann.click("#act_open")
    ben.goto(ann.url)
    approve_points(ben, "340")
    propose_points(office, ann, cards[0], "-5")
    ben.goto(ann.url)
    ben.fill("#reason_refuse", "no proof")
    ben.click("#act_refuse")
    assert ben.locator("#state").inner_text() == "refused"
    rows = office.sql("select state, points_sum from registry.adjustment order by number desc limit 3")
    assert [(row["state"], row["points_sum"]) for row in rows] == [(3, -5), (2, 340), (2, 25)]


def propose_points(office: OfficeStage, page: Page, card: str, points: str) -> None:
    page.goto(f"{office.url}en/desk/points")
    page.fill("#card", card)
    page.fill("#points", points)
    page.fill("#reason_correct", "a till was broken")
    page.click("#act_correct")


def approve_points(page: Page, points: str) -> None:
    page.fill("#points", points)
    page.fill("#reason_approve", "seen")
    page.click("#act_approve")


EXAMPLE = "5265877635-20250826-0100001AF629-AF"
WRONG: list[tuple[str, dict[str, str]]] = [
    ("/en/desk/months/last", {"act": "correct", "partner": "1.5", "net": "1"}),
    ("/en/desk/months/last", {"act": "correct", "partner": "1", "net": "1e9"}),
    ("/en/desk/months/last", {"act": "correct", "partner": "99999999", "net": "1", "reason": "x"}),
    ("/en/desk/months/2031-01", {"act": "propose_close"}),
    ("/en/desk/months/2031-01", {"act": "correct", "partner": "1", "net": "1", "reason": "x"}),
    ("/en/desk/months/2031-01", {"act": "run"}),
    ("/en/desk/months/2031-01/documents", {"act": "propose"}),
    ("/en/desk/months/2031-01/documents", {"act": "issue"}),
    ("/en/desk/months/2031-01/documents", {"act": "issue", "sure": "yes"}),
    ("/en/desk/months/2031-01/documents", {"act": "number", "number": "F/1", "ksef_number": EXAMPLE}),
    ("/en/desk/months/2031-01/documents", {"act": "outside", "number": "F/1", "reason": "x"}),
    ("/en/desk/months/2031-13/documents", {"act": "propose"}),
    ("/en/desk/proposals/99999", {"act": "approve"}),
    ("/en/desk/points", {"act": "correct", "card": "x", "points": "1"}),
    ("/en/desk/points", {"act": "correct", "card": number(0), "points": "9999999999", "reason": "x"}),
    ("/en/desk/points", {"act": "open", "lines": "", "reason": "x"}),
    ("/en/desk/points", {"act": "open", "lines": "a b c", "reason": "x"}),
    ("/en/desk/points", {"act": "open", "lines": f"{number(0)} 5 a\n" * 501, "reason": "x"}),
    ("/en/desk/points", {"act": "open", "lines": f"{number(0)} 5 {'a' * 65}", "reason": "x"}),
    ("/en/desk/points/99999", {"act": "approve", "points": "1"}),
]


@pytest.mark.parametrize(("path", "fields"), WRONG)
def test_wrong_input_of_accounts_is_an_answer(
    clients: dict[str, Client], path: str, fields: dict[str, Any]
) -> None:
    """What cannot be is refused and told: 400, 404 or 409, and no card number comes back."""
    client = clients["ann1"]
    client.get("/en/desk/points")
    reply = client.post(path.replace("/last", f"/{last_month()}"), **fields)
    assert reply.status in (400, 404, 409), reply.text
    assert number(0) not in reply.text
    for bad in ("2026-13", "1999-01", "x", "2026-1"):
        assert client.get(f"/en/desk/months/{bad}").status == 404
