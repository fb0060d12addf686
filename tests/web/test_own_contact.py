"""The holder's own data: contact changes by who has the mailbox that is known, never by a password alone."""

import re
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape

import pytest

from ledger.postgres.database import Database
from ledger.registry.people import Person, change_person, find_person
from ops.notices.channels import ChannelDown, Message
from tests.web.office_stage import PASSWORD, TESTER, Client, OfficeStage

CODE = re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b")
OLD = "known@poczta.example"
NEW = {"phone": "600100200", "email": "thief@poczta.example", "channel": "email"}
PATH = "/en/me/data"
serial = iter(range(1_000))


@pytest.fixture
def login() -> str:
    """Whose name nobody has yet."""
    return f"contact{next(serial)}"


@pytest.fixture
def account(office: OfficeStage, login: str) -> int:
    """A new holder, whose e-mail address is known."""
    number = office.new_member(login, "zgierz")
    put(office, number, email=OLD)
    return number


@pytest.fixture
def client(office: OfficeStage, account: int, login: str) -> Client:
    """That holder, or who knows the password, signed in, at the page."""
    found = office.signed_in("zgierz", login)
    found.get(PATH)
    return found


def put(office: OfficeStage, account: int, **changes: str) -> None:
    """Change the contact, as a desk does."""

    async def job(owner: Database) -> None:
        token = await owner.run(
            lambda c: c.fetchval("select token from registry.card where account = $1", account)
        )
        await owner.run(lambda c: change_person(c, TESTER, office.master.vault, token, changes))

    office.run(job)


def known(office: OfficeStage, account: int) -> Person:
    """Who the holder is."""
    vault = office.master.vault
    found: Person | None = office.run(lambda o: o.run(lambda c: find_person(c, vault, account)))
    assert found is not None
    return found


def letters(office: OfficeStage) -> list[EmailMessage]:
    """Every letter there is, the oldest first."""
    office.call(office.mail.settled)
    files = sorted((office.directory / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]


def code_waits(page: str, changes: Mapping[str, str] = {}) -> bool:
    """Whether a page has a code's field, and says that the code changes the contact to this."""
    said = re.findall(r"<dd>([^<]*)</dd>", unescape(page))
    told = [value for name, value in changes.items() if name != "channel"]
    return 'name="code"' in page and all(value in said for value in told)


def newest_code(office: OfficeStage) -> str:
    """The code of the newest letter, which went to the address that was known."""
    letter = letters(office)[-1]
    assert letter["To"] == OLD
    found = CODE.search(letter.get_content())
    assert found is not None
    return found[0]


def test_own_data(office: OfficeStage, account: int, client: Client) -> None:
    """Four: what is known; where no address is, nor is to be, the contact changes with the password, and
    nothing else does (§ 19.4).
    """
    put(office, account, email="")
    fields = {"phone": "600100277", "email": "", "channel": "sms"}
    assert client.post(PATH, **fields, password="wrong").status == 400
    assert client.post(PATH, **fields, password=PASSWORD, name="Somebody Else").status == 303
    page = client.get(PATH).text
    assert "600100277" in page
    assert "Somebody Else" not in page
    assert client.post(PATH, phone="x" * 300, password=PASSWORD).status == 400
    assert client.post(PATH, phone="1", email="no address", password=PASSWORD).status == 400


@pytest.mark.parametrize(
    "changes",
    [NEW, {"phone": "600100200"}, {"phone": "600100200", "email": OLD, "channel": "sms"}],
    ids=["another address", "none", "told elsewhere"],
)
def test_a_password_alone_changes_no_contact(
    office: OfficeStage, account: int, client: Client, changes: dict[str, str]
) -> None:
    """Where an address is known a code goes to it; with that code the contact is another, and not before."""
    was, before = known(office, account), len(letters(office))
    assert client.post(PATH, **changes, password=PASSWORD).header("location") == PATH
    page = client.get(PATH)
    assert "code was sent to the present e-mail" in page.text
    assert "You have that mailbox no more?" in page.text
    assert known(office, account) == was
    code = newest_code(office)
    wrong = client.post(f"{PATH}/code", code="AAAA-BBBB-CCCC")
    assert (wrong.status, 'name="code"' in wrong.text, known(office, account)) == (400, True, was)
    assert code_waits(wrong.text, changes)
    assert client.post(f"{PATH}/code", code=code.lower()).status == 303
    expected = {"email": "", "channel": "", **changes}
    assert {name: getattr(known(office, account), name) for name in expected} == expected
    assert [letter["To"] for letter in letters(office)[before:]] == [OLD]
    told = "select kind from registry.outbox where account = $1 order by number desc limit 1"
    assert office.sql(told, account)[0]["kind"] == "holder.contact_changed"
    assert client.post(f"{PATH}/code", code=code).status == 400, "it is used up"
    assert not code_waits(client.get(PATH).text)


def test_a_code_is_typed_after_its_page_was_left(
    office: OfficeStage, account: int, client: Client, login: str
) -> None:
    """By a new session, in another language, by the language's link of either page: its field is there as
    long as it holds, with what it changes; nobody else sees that; what a form says besides is of no account.
    """
    assert client.post(PATH, **NEW, password=PASSWORD).status == 303
    code = newest_code(office)
    later = office.signed_in("zgierz", login)
    assert code_waits(later.get(PATH).text, NEW)
    led = later.get("/pl/me/data/code")
    assert (led.status, led.header("location")) == (303, "/pl/me/data")
    other = office.signed_in("zgierz", "ela")
    assert not code_waits(other.get(PATH).text)
    assert NEW["email"] not in other.get(PATH).text
    kept = office.sql("select wanted from web.code where account = $1", account)[0]["wanted"]
    assert not any(value.encode() in kept for value in NEW.values()), "it is sealed"
    later.get("/pl/me/data")
    assert later.post("/pl/me/data/code", code=code, email="another@poczta.example").status == 303
    assert (known(office, account).email, known(office, account).phone) == (NEW["email"], NEW["phone"])


def test_a_login_s_code_is_typed_after_its_page_was_left(
    office: OfficeStage, account: int, client: Client
) -> None:
    """The field is on the page of the login while the code holds, and no longer."""
    page = "/en/me/login"
    assert not code_waits(client.get(page).text)
    assert client.post(page, login=f"later-{account}", password=PASSWORD).status == 303
    assert code_waits(client.get(page).text)
    led = client.get("/pl/me/login/code")
    assert (led.status, led.header("location")) == (303, "/pl/me/login")
    assert client.post("/en/me/login/code", code=newest_code(office)).status == 303
    assert not code_waits(client.get(page).text)


def test_a_code_that_is_over_has_no_field(office: OfficeStage, account: int, client: Client) -> None:
    """After a day, and once a desk has put another address; a letter that did not go leaves none either."""
    for page, fields in ((PATH, NEW), ("/en/me/login", {"login": f"over-{account}"})):
        assert client.post(page, **fields, password=PASSWORD).status == 303
        office.write(f"update web.code set ends_at = now() where account = {account}")
        assert not code_waits(client.get(page).text)
        office.channel, usual = Away, office.channel
        try:
            assert not code_waits(client.post(page, **fields, password=PASSWORD).text)
        finally:
            office.channel = usual
        assert client.post(page, **fields, password=PASSWORD).status == 303
        assert code_waits(client.get(page).text)
    put(office, account, email="put-by-a-desk@poczta.example")
    assert not code_waits(client.get(PATH).text)
    assert not code_waits(client.get("/en/me/login").text)


def test_a_name_is_not_to_be_had_by_clearing_the_address(
    office: OfficeStage, account: int, client: Client
) -> None:
    """Who has the password alone neither clears the address nor, then, changes the login without a code."""
    assert client.post(PATH, phone="600100200", password=PASSWORD).status == 303
    client.get("/en/me/login")
    assert client.post("/en/me/login", login="thief-has-it", password=PASSWORD).status == 303
    assert "You have that mailbox no more?" in client.get("/en/me/login").text
    assert office.client().sign_in("zgierz", "thief-has-it").status == 403


def test_a_code_is_for_the_change_that_asked_for_it(
    office: OfficeStage, account: int, client: Client
) -> None:
    """Neither for another address, nor for another holder, nor once a desk has put another address."""
    was = known(office, account)
    assert client.post(PATH, **NEW, password=PASSWORD).status == 303
    other = office.signed_in("zgierz", "ela")
    other.get(PATH)
    assert other.post(f"{PATH}/code", code=newest_code(office)).status == 400
    assert known(office, account) == was
    first = newest_code(office)
    assert client.post(PATH, **NEW | {"phone": "600100201"}, password=PASSWORD).status == 303
    assert client.post(f"{PATH}/code", code=first).status == 400, "asked anew: the first is of no use"
    assert code_waits(client.get(PATH).text, {"phone": "600100201"})
    put(office, account, email="put-by-a-desk@poczta.example")
    assert client.post(f"{PATH}/code", code=newest_code(office)).status == 400
    assert known(office, account).email == "put-by-a-desk@poczta.example"


def test_a_code_puts_nothing_back_that_a_desk_changed_meanwhile(
    office: OfficeStage, account: int, client: Client
) -> None:
    """Between the code's letter and its typing a desk put another telephone: it stays, and is shown."""
    assert client.post(PATH, **NEW, password=PASSWORD).status == 303
    put(office, account, phone="600100299")
    page = client.post(f"{PATH}/code", code=newest_code(office))
    assert (page.status, "changed after you opened the page" in page.text) == (400, True)
    assert "600100299" in page.text
    assert (known(office, account).phone, known(office, account).email) == ("600100299", OLD)


def test_codes_are_bounded_and_what_cannot_be_saved_gets_none(
    office: OfficeStage, account: int, client: Client
) -> None:
    """No letter for what is no address, nor where nothing is another; ten letters in a quarter of an hour,
    ten tries of a code.
    """
    before = len(letters(office))
    refused = client.post(PATH, phone="1", email="no address", password=PASSWORD)
    assert (refused.status, 'value="no address"' in refused.text) == (400, True)
    was = known(office, account)
    same = {"phone": was.phone, "email": was.email, "channel": was.channel}
    assert client.post(PATH, **same, password=PASSWORD).status == 303
    assert len(letters(office)) == before
    for _ in range(10):
        assert client.post(PATH, **NEW, password=PASSWORD).status == 303
    late = client.post(PATH, **NEW, password=PASSWORD)
    assert (late.status, "Too many attempts" in late.text) == (429, True)
    assert len(letters(office)) == before + 10
    for _ in range(10):
        assert "no code that holds" in client.post(f"{PATH}/code", code="AAAA-BBBB-CCCC").text
    assert "Too many attempts" in client.post(f"{PATH}/code", code=newest_code(office)).text
    assert known(office, account) == was


def test_who_has_a_login_is_told_that_it_changed(office: OfficeStage, account: int, client: Client) -> None:
    """Another name, by the code, and another password, by the old one: of each the holder is told."""
    name, new = f"told-{account}", "Niebieski rower 8"
    assert client.post("/en/me/login", login=name, password=PASSWORD).status == 303
    assert client.post("/en/me/login/code", code=newest_code(office)).status == 303
    told = "select kind from registry.outbox where account = $1 and kind like 'login.%' order by number"
    assert [row["kind"] for row in office.sql(told, account)][-1:] == ["login.changed"]
    assert client.post("/en/account/password", old=PASSWORD, new=new, again=new).status == 303
    assert [row["kind"] for row in office.sql(told, account)][-2:] == ["login.changed"] * 2


class Away:
    """A mail server that is not there."""

    async def send(self, message: Message) -> None:
        raise ChannelDown("away")

    async def close(self) -> None:
        pass


def test_where_no_letter_goes_nothing_changes(office: OfficeStage, account: int, client: Client) -> None:
    """The page says so, with what was typed."""
    usual, was = office.channel, known(office, account)
    office.channel = Away
    try:
        page = client.post(PATH, **NEW, password=PASSWORD)
    finally:
        office.channel = usual
    assert (page.status, "could not be sent" in page.text, NEW["email"] in page.text) == (400, True, True)
    assert known(office, account) == was
