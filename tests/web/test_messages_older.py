"""Of more messages than a page shows, the older ones are reached from it, at the desk and by the holder."""

import re

from ledger.postgres.database import Connection
from ledger.registry import messages
from tests.web.office_stage import TESTER, Client, OfficeStage

WRITTEN = 2 * messages.PAGE_MESSAGES + 1


def walked(client: Client, path: str) -> list[list[str]]:
    """The messages of each page, from the newest on, by the links to older ones."""
    found, at = list[list[str]](), path
    while at:
        page = client.get(at).text
        found.append(re.findall(r'<p class="said">(message \d+)</p>', page))
        assert ('id="newest"' in page) is (at != path)
        link = re.search(r'id="older" href="([^"#]+)', page)
        at = link[1] if link and len(found) < 9 else ""
    return found


def test_every_message_is_reached_from_the_newest(office: OfficeStage) -> None:
    """A page has a hundred and leads to those before; the last leads nowhere; no script is needed."""
    account = office.new_member("pisze", "zgierz")

    async def job(c: Connection) -> None:
        for number in range(WRITTEN):
            text = f"message {number}"
            await messages.send_message(c, TESTER, office.master.vault, account, text, from_holder=False)

    office.run(lambda owner: owner.run(job))
    newest_first = [f"message {number}" for number in reversed(range(WRITTEN))]
    for client, path in (
        (office.signed_in("zgierz", "clerk"), f"/en/desk/holders/{account}"),
        (office.signed_in("zgierz", "pisze"), "/en/me/messages"),
    ):
        pages = walked(client, path)
        assert [len(each) for each in pages] == [100, 100, 1], path
        assert [text for each in pages for text in each] == newest_first
        for wrong in ("x", "-1", "9" * 30, ""):
            assert client.get(f"{path}?before={wrong}").status == 200
