"""A notice and an objection at the desk, clicked as they are given and taken back."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Page

from ledger.postgres.database import Connection
from ledger.registry import programmes
from ops import written
from tests.days import today
from tests.web.desk_counter import PROGRAMME, press
from tests.web.office_stage import TESTER, OfficeStage

ZONE = "Europe/Warsaw"


def the_endings(office: OfficeStage, page: Page) -> None:
    """Each given and taken back for itself on a holder's page; the earlier one ends the contract."""
    told = page.locator("#act_notice").inner_text()
    press(page, "notice", reason="moved away")
    assert page.locator("#notice").inner_text() in told.replace("–", "")
    press(page, "withdraw_notice", reason="it was another person's")
    assert page.locator("#notice").inner_text() == "–"
    press(page, "object")
    assert "no change of the rules" in page.locator("#fault").inner_text()
    last_day = written.day(announce(office, PROGRAMME), "en")
    page.goto(page.url)  # whoever objects says to which change
    press(page, "object")
    assert page.locator("#objection").inner_text() == last_day
    press(page, "notice", reason="moved away")
    assert page.locator("#contract_ends").inner_text() == last_day
    press(page, "withdraw_notice", reason="it was another person's")
    assert page.locator("#contract_ends").inner_text() == last_day
    press(page, "withdraw_objection")
    assert page.locator("#contract_ends").inner_text() == "–"


def announce(office: OfficeStage, programme: int) -> date:
    """Announce other rules of a city in twenty days (Zgierz § 35); return the last day of those in force."""
    day = today() + timedelta(20)

    async def job(c: Connection) -> None:
        row = (await programmes.list_rules(c, programme))[0]
        await programmes.add_rules(
            c, TESTER, programme=programme, rules_toml=row["rules_toml"] + "\n# another text\n",
            effective_from=datetime.combine(day, time(), ZoneInfo(ZONE)), time_zone=ZONE,
        )  # fmt: skip

    office.run(lambda owner: owner.run(job))
    return day - timedelta(1)
