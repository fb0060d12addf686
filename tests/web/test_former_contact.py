"""Whoever changes a holder's contact, the place where the holder was told until then is told of it; a first
address counts once who has that mailbox has said so.
"""

import pytest

from ledger.postgres.database import Database
from ops.notices.addresses import addresses
from ops.notices.channels import Message
from ops.notices.sender import Sender
from tests.web.office_stage import PASSWORD, Client, OfficeStage
from tests.web.test_letters import Post
from tests.web.test_own_contact import CODE, OLD, PATH, known, letters, put

NEW = "new@poczta.example"


class Told:
    """Those who send notices, by e-mail and SMS."""

    def __init__(self, office: OfficeStage) -> None:
        self._office = office
        self.email, self.sms = Post(), Post()

        async def made(owner: Database) -> Sender:
            channels = {"email": self.email, "sms": self.sms}
            return Sender(owner, addresses(office.master.vault), channels, only=1)

        self._sender = office.run(made)

    def now(self) -> tuple[list[Message], list[Message]]:
        """Let them send all they have; return the e-mails and the SMS."""
        self.email.taken.clear()
        self.sms.taken.clear()

        async def run(_owner: Database) -> None:
            while (turn := await self._sender.turn()).read or turn.sent:
                pass

        self._office.run(run)
        return list(self.email.taken), list(self.sms.taken)


@pytest.fixture(scope="module")
def told(office: OfficeStage) -> Told:
    """The one sender of a city that no other test sends for; what was there is sent."""
    found = Told(office)
    found.now()
    return found


@pytest.fixture
def clerk(office: OfficeStage) -> Client:
    """A clerk of that city."""
    return office.signed_in("czestochowa", "clerk")


@pytest.fixture
def account(office: OfficeStage, told: Told, request: pytest.FixtureRequest) -> int:
    """Of a holder with a known address."""
    number = office.new_member(f"former-{request.node.name[:40]}", "czestochowa")
    put(office, number, email=OLD, phone="600100200", channel="email")
    told.now()
    return number


def kept(office: OfficeStage, account: int) -> int:
    """How many former contacts are kept of the holder."""
    return int(office.sql("select count(*) from people.former_contact where account = $1", account)[0][0])


def at_the_desk(clerk: Client, account: int, **changes: str) -> int:
    """Change the holder's data on the desk's page, as they are but for this; return the status."""
    path = f"/en/desk/holders/{account}"
    clerk.get(path)
    said = {"name": "Ktoś Nowy", "address": "", "phone": "600100200", "email": OLD, "channel": "email"}
    return clerk.post(path, act="change", reason="the holder asked", **{**said, **changes}).status


def test_a_desk_s_change_of_an_address_is_told_to_the_old_one(
    office: OfficeStage, account: int, told: Told, clerk: Client
) -> None:
    """Once, without what it is now; sealed till then, and kept no longer."""
    assert at_the_desk(clerk, account, email=NEW) == 303
    assert known(office, account).email == NEW
    waiting = office.sql(
        "select to_jsonb(f)::text as row from people.former_contact f where account = $1", account
    )
    emails, sms = told.now()
    assert ([message.to for message in emails], sms) == ([OLD], [])
    assert len(waiting) == 1
    assert OLD.encode().hex() not in waiting[0]["row"], "it is sealed"
    assert "by which you were told until now was changed" in emails[0].text
    assert NEW not in emails[0].text
    assert kept(office, account) == 0
    assert told.now() == ([], [])


def test_what_is_no_change_of_contact_is_told_to_nobody(
    office: OfficeStage, account: int, told: Told, clerk: Client
) -> None:
    """Another name, or the same saved again."""
    assert at_the_desk(clerk, account, name="Ktoś Inny") == 303
    assert at_the_desk(clerk, account, name="Ktoś Inny") == 303
    assert (kept(office, account), told.now()) == (0, ([], []))


def test_who_was_told_by_sms_is_told_by_sms(office: OfficeStage, account: int, told: Told) -> None:
    """At the number that was; who was told by no machine, or nowhere, is told nothing there."""
    put(office, account, email="", channel="sms")
    told.now()
    put(office, account, phone="600100300")
    emails, sms = told.now()
    assert (emails, [message.to for message in sms]) == ([], ["+48600100200"])
    put(office, account, channel="phone")
    told.now()
    put(office, account, phone="600100400")
    assert (kept(office, account), told.now()) == (0, ([], []))


def test_a_former_contact_goes_with_the_person(office: OfficeStage, account: int) -> None:
    """Whoever is deleted is told nothing, and nothing of the address is kept."""
    put(office, account, email=NEW)
    assert kept(office, account) == 1
    office.write(f"delete from people.person where account = {account}")
    assert kept(office, account) == 0


def test_a_first_address_counts_once_its_owner_has_said_so(
    office: OfficeStage, account: int, request: pytest.FixtureRequest
) -> None:
    """The password alone sets none: the code goes to that very address, and confirms it."""
    put(office, account, email="", channel="phone")
    client, before = office.signed_in("czestochowa", f"former-{request.node.name[:40]}"), len(letters(office))
    page = client.get(PATH).text
    assert "saved once it is confirmed" in page
    fields = {"phone": "600100200", "channel": "email", "password": PASSWORD}
    client.post(PATH, email=NEW, **fields)
    assert known(office, account).email == ""
    (letter,) = letters(office)[before:]
    assert letter["To"] == NEW
    assert "address that you gave" in client.get(PATH).text
    assert client.post(f"{PATH}/code", code="AAAA-BBBB-CCCC").status == 400
    assert known(office, account).email == ""
    code = CODE.search(letter.get_content())
    assert code is not None
    assert client.post(f"{PATH}/code", code=code[0]).status == 303
    assert (known(office, account).email, known(office, account).channel) == (NEW, "email")
