"""Who reads a message: whoever was shown it, and nobody else."""

from typing import Any

import pytest

from ledger.postgres.database import Connection
from ledger.registry import messages
from tests.web.office_stage import TESTER, OfficeStage
from tests.web.shown_forms import form_on, send


def test_a_message_that_came_after_the_page_was_opened_waits_on(office: OfficeStage) -> None:
    """An answer reads what stood on the page that it was written on, and nothing that came since."""
    office.officer(3, "answers", "clerk")
    account, clerk = office.accounts["ala3"], office.signed_in("zgierz", "answers")
    holder, path = office.signed_in("zgierz", "ala"), f"/en/desk/holders/{office.accounts['ala3']}"
    holder.get("/en/me/messages")
    assert holder.post("/en/me/messages", text="Pierwsza").status == 303
    opened = form_on(clerk.get(path).text, path, "write")
    holder.get("/en/me/messages")
    assert holder.post("/en/me/messages", text="Druga").status == 303
    assert send(clerk, opened.typed(text="Odpowiedź")).status == 303
    assert unread(office, account) == 1
    assert f"/desk/holders/{account}" in clerk.get("/en/desk/holders").text
    opened = form_on(clerk.get(path).text, path, "write")
    assert send(clerk, opened.typed(text="Odpowiedź", through="")).status == 303
    assert unread(office, account) == 1, "who was shown nothing read nothing"
    assert send(clerk, opened.typed(text="Odpowiedź")).status == 303
    assert unread(office, account) == 0


def test_a_holder_reads_what_the_page_shows(office: OfficeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the desk wrote between the reading of the list and its marking is new to the holder later, too."""
    account = office.accounts["ala3"]
    holder = office.signed_in("zgierz", "ala")
    mine = "select number, read_at from people.message where account = $1 and not from_holder order by number"
    write(office, "Pierwsza")
    listed = messages.list_messages

    async def and_one_more(*args: Any, **more: Any) -> Any:
        rows = await listed(*args, **more)
        await messages.send_message(args[0], TESTER, office.master.vault, account, "Druga", from_holder=False)
        return rows

    monkeypatch.setattr(messages, "list_messages", and_one_more)
    assert "Pierwsza" in holder.get("/en/me/messages").text
    monkeypatch.undo()
    first, second = office.sql(mine, account)[-2:]
    assert (first["read_at"] is None, second["read_at"] is None) == (False, True)
    assert "Druga" in holder.get("/en/me/messages").text
    assert office.sql(mine, account)[-1]["read_at"] is not None


def write(office: OfficeStage, text: str) -> None:
    """Write to the holder as the desk does."""

    async def job(c: Connection) -> None:
        vault, account = office.master.vault, office.accounts["ala3"]
        await messages.send_message(c, TESTER, vault, account, text, from_holder=False)

    office.run(lambda owner: owner.run(job))


def unread(office: OfficeStage, account: int) -> int:
    """How many of a holder's messages wait at the desk."""
    sql = "select count(*) from people.message where account = $1 and from_holder and read_at is null"
    return int(office.sql(sql, account)[0][0])
