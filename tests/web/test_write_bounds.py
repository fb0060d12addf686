"""What somebody writes on line without anybody's look is bounded, and nothing is that cannot wait: a block, a
consent withdrawn.
"""

import re

import pytest

from ledger.registry.card_states import CardStatus
from tests.ops.uploads import png
from tests.web.office_stage import PASSWORD, Client, OfficeStage
from tests.web.test_apply import GOOD, number_at, pickup_of, send_file, sent
from tests.web.test_own_contact import put
from tests.web.test_passkeys import with_passkey

SAID = {**GOOD, "pesel": "", "born_on": "1981-02-03"}
LATER = "Too many attempts"


@pytest.fixture(autouse=True)
def no_attempts(office: OfficeStage) -> None:
    office.forget_attempts()


def pass_bounds(office: OfficeStage) -> None:
    """Let what was counted so far have been tried too often."""
    office.sql("update web.attempt set count = 1000")


def trail(office: OfficeStage) -> int:
    """How many rows the trail has."""
    return int(office.sql("select count(*) from registry.audit")[0][0])


def test_an_application_on_line_is_put_anew_so_often(office: OfficeStage) -> None:
    """Past the bound neither data nor files are taken, nor a step, and no row is left; what was typed
    stays, and a quarter of an hour later it goes on.
    """
    applicant, own = sent(office, "bound@poczta.example", pesel="", born_on=SAID["born_on"])

    def change(name: str) -> tuple[int, str]:
        page = applicant.get(f"{own}/data").text
        reply = applicant.post(f"{own}/data", **{**SAID, "pickup": pickup_of(page), "name": name})
        return reply.status, reply.text

    assert change("Jan Pierwszy")[0] == 303
    number_at(applicant, own)
    pass_bounds(office)
    before = trail(office)
    status, text = change("Jan Drugi")
    assert (status, LATER in text, "Jan Drugi" in text) == (429, True, True)
    assert send_file(applicant, own, png(), "tax") == 429
    assert applicant.post(own, act="login").status == 429
    assert applicant.post(own, act="withdraw", sure="yes").status == 429
    assert trail(office) == before
    office.sql("update web.attempt set since = since - interval '16 minutes'")
    assert change("Jan Drugi")[0] == 303


@pytest.fixture
def account(office: OfficeStage, request: pytest.FixtureRequest) -> int:
    """Of a holder of the test's own."""
    return office.new_member(f"bound-{len(request.node.name)}", "zgierz")


@pytest.fixture
def client(office: OfficeStage, account: int, request: pytest.FixtureRequest) -> Client:
    return office.signed_in("zgierz", f"bound-{len(request.node.name)}")


def test_what_a_holder_asks_for_and_agrees_to_is_bounded(
    office: OfficeStage, account: int, client: Client
) -> None:
    """Consents, proxies, duplicates, renewals: past the bound no row; a consent is withdrawn all the same."""
    rows = "select count(*) from people.consent where account = $1 and kind = 'newsletter'"
    client.get("/en/me/consents")
    assert client.post("/en/me/consents", newsletter="give").status == 303
    given = office.sql(rows, account)[0][0]
    pass_bounds(office)
    assert client.post("/en/me/consents", newsletter="withdraw").status == 303
    before = trail(office)
    for path, fields in (
        ("consents", {"newsletter": "give"}),
        ("duplicate", {"why": "no-fault", "pickup": "1"}),
        ("renewal", {}),
        ("family/proxies", {"name": "Pełnomocnik", "password": PASSWORD}),
    ):
        reply = client.post(f"/en/me/{path}", **fields)
        assert (reply.status, LATER in reply.text) == (429, True), path
    assert trail(office) == before
    assert office.sql(rows, account)[0][0] == given
    left = (
        "select count(*) from people.consent"
        " where account = $1 and kind = 'newsletter' and withdrawn_at is null"
    )
    assert office.sql(left, account)[0][0] == 0


def test_what_a_login_is_known_by_changes_so_often(
    office: OfficeStage, account: int, request: pytest.FixtureRequest
) -> None:
    """Password and passkeys: past the bound neither changes, and no row is left, whoever has the password."""
    client, _ = with_passkey(office, f"bound-{len(request.node.name)}")
    other, count = (
        "Niebieski rower 8",
        "select count(*) from web.passkey p join web.login l on l.id = p.login",
    )
    number = office.sql(
        "select max(p.number) from web.passkey p join web.login l on l.id = p.login where l.account = $1",
        account,
    )[0][0]
    kept = office.sql(f"{count} where l.account = $1", account)[0][0]
    pass_bounds(office)
    before = trail(office)
    path = "/en/account/passkeys"
    for reply in (
        client.post("/en/account/password", old=PASSWORD, new=other, again=other),
        client.post(f"{path}/new", name="drugi", credential="{}"),
        client.post(f"{path}/{number}", what="name", name="drugi"),
        client.post(f"{path}/{number}", what="remove"),
    ):
        assert (reply.status, LATER in reply.text) == (429, True)
    assert trail(office) == before
    assert office.sql(f"{count} where l.account = $1", account)[0][0] == kept == 1
    office.sql("update web.attempt set since = since - interval '16 minutes'")
    assert client.post("/en/account/password", old=PASSWORD, new=other, again=other).status == 303
    client.get("/en/account/passkeys")
    assert client.post(f"{path}/{number}", what="remove").status == 303


def test_a_card_is_blocked_past_every_bound(office: OfficeStage, account: int, client: Client) -> None:
    """The first block goes through; said once more of a blocked card, it leaves no further row."""
    client.get("/en/me/consents")
    assert client.post("/en/me/consents", newsletter="give").status == 303
    pass_bounds(office)
    (place,) = set(re.findall(r"/me/block/([\w-]+)", client.get("/en/me").text))
    assert client.post(f"/en/me/block/{place}").status == 303
    status = "select status from registry.card where account = $1"
    assert office.sql(status, account)[0][0] == CardStatus.BLOCKED
    before = trail(office)
    assert client.post(f"/en/me/block/{place}").status == 303
    assert trail(office) == before


def test_contact_without_an_address_is_changed_so_often(
    office: OfficeStage, account: int, client: Client
) -> None:
    """Where no code goes out a change is counted, too."""
    put(office, account, email="", channel="")
    client.get("/en/me/data")
    said = {"email": "", "channel": "", "password": PASSWORD}
    assert client.post("/en/me/data", phone="600100200", **said).status == 303
    pass_bounds(office)
    client.get("/en/me/data")
    reply = client.post("/en/me/data", phone="600100300", **said)
    assert (reply.status, LATER in reply.text) == (429, True)
