"""The desk's pages of a statement and of a month say the facts that every other form of them says."""

import html
import re
from functools import partial
from typing import Any

import msgspec
import pytest

from ledger.registry.settlements import Documents, Kept, keep_documents
from ops.settlement.words import Language
from tests.ops.test_statement_facts import OF_WHOSE_PAGES, STATEMENT, SUMMARY, as_read, facts, squeezed
from tests.web.office_stage import TESTER, OfficeStage

MONTH = "2026-10"


@pytest.fixture(scope="module")
def partner(office: OfficeStage) -> int:
    """A partner of a month that is kept, open, with a fact in each field."""
    number: int = office.sql("select min(id) as id from registry.partner where programme = 3")[0]["id"]
    changed: dict[str, Any] = {"programme": 3, "month": MONTH, "closed_at_ms": None}
    statement = msgspec.structs.replace(STATEMENT, partner=number, **changed)
    summary = msgspec.structs.replace(SUMMARY, **changed)
    kept = Kept(number, statement.number, statement.due_grosze, msgspec.json.encode(statement).decode())
    documents = Documents(msgspec.json.encode(summary).decode(), [kept])
    keep = partial(keep_documents, actor=TESTER, programme=3, month=MONTH, documents=documents)
    office.run(lambda owner: owner.run(keep))
    office.officer(3, "of-the-month", "accounts", desk="")
    return number


@pytest.mark.parametrize("language", ["pl", "en"])
@pytest.mark.parametrize("is_summary", [False, True])
def test_a_page_has_every_fact(
    office: OfficeStage, partner: int, language: Language, *, is_summary: bool
) -> None:
    """Each value stands on the page as people of that language read it; when it was closed once it is."""
    thing: Any = SUMMARY if is_summary else STATEMENT
    address = f"/{language}/desk/months/{MONTH}" + ("" if is_summary else f"/{partner}")
    reply = office.signed_in("zgierz", "of-the-month").get(address)
    assert reply.status == 200
    told = squeezed(html.unescape(re.sub(r"<[^>]*>", " ", reply.text)))
    known = {"month": MONTH, "partner": partner}
    read = {name: as_read(name, known.get(name, value), language) for name, value in facts(thing)}
    missing = {name: one for name, one in read.items() if squeezed(one) not in told}
    assert {name: one for name, one in missing.items() if name not in {*OF_WHOSE_PAGES, "closed_at_ms"}} == {}
