"""Who decides about a holder's application sees what it says otherwise than the file, and what stays."""

import re

from ledger.postgres.database import Database
from ledger.registry.people import change_person
from tests.web.desk_counter import CITY, PROGRAMME
from tests.web.desk_counter import number as card
from tests.web.office_stage import TESTER, Client, OfficeStage
from tests.web.shown_forms import form_on, send

CHANGED = {"email": "newer@poczta.example", "phone": "600200200"}


def said_of(page: str, field: str) -> list[str]:
    """What the page says of a field: of the application, on file, and whether it is written."""
    row = re.search(rf'id="differing_{field}">(.*?)</tr>', page, re.DOTALL)
    assert row is not None, field
    return [re.sub("<[^>]*>", "", cell).strip() for cell in re.findall("<td>(.*?)</td>", row[1], re.DOTALL)]


def test_the_page_says_what_is_not_written(office: OfficeStage) -> None:
    """Two words that the file has newer ones of are told beside them, a third is to be written; as the page
    said, so it is done.
    """
    officers: list[Client] = []
    for login in ("since-one", "since-two"):
        office.officer(PROGRAMME, login, "clerk", "verifier", desk="")
        officers.append(office.signed_in(CITY, login))
    one, two = officers
    account = office.new_member("since", CITY)
    one.get("/en/desk/applications/new")
    said = {"email": "older@poczta.example", "phone": "600100100", "address": "Stara 1", "pickup": "1"}
    taken = one.post(
        "/en/desk/applications/new", kind="duplicate", account=str(account), why="changed-data", **said
    )
    path = taken.header("location")

    async def job(owner: Database) -> None:
        token = await owner.run(
            lambda c: c.fetchval("select token from registry.card where account = $1", account)
        )
        await owner.run(lambda c: change_person(c, TESTER, office.master.vault, token, CHANGED))

    office.run(job)
    page = one.get(path).text
    newer = "no: the file was changed after the application said so"
    assert said_of(page, "email") == ["older@poczta.example", "newer@poczta.example", newer]
    assert said_of(page, "phone") == ["600100100", "600200200", newer]
    assert said_of(page, "address")[::2] == ["Stara 1", "yes"]
    for client, act, typed in (
        (one, "verify", {}), (two, "grant", {}), (one, "ready", {"card": card(507)}),
    ):  # fmt: skip
        form = form_on(client.get(path).text, path, act).typed(**typed)
        assert send(client, form).status == 303
    assert 'id="differing"' not in one.get(path).text
    file = one.get(f"/en/desk/holders/{account}").text
    assert all(value in file for value in (*CHANGED.values(), "Stara 1"))
    assert "older@poczta.example" not in file
