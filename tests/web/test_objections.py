"""An objection to announced rules on the holder's own page (Zgierz § 35), as a resignation is made there."""

import re
from datetime import timedelta

import pytest

from ops import written
from ops.office.objections import AnnouncedChange
from ops.web.fields import seen_field
from tests.days import today
from tests.ledger.books import write_registry
from tests.web.desk_endings import announce
from tests.web.office_stage import PASSWORD, Client, OfficeStage
from tests.web.test_acting_for import represent

PROGRAMME = 1
"""Not the city at whose desk it is tried that no change is announced."""
DAY = today() + timedelta(20)
LAST = DAY - timedelta(1)


@pytest.fixture(scope="module")
def announced(office: OfficeStage) -> OfficeStage:
    """The office, once other rules of the city are announced."""

    assert announce(office, PROGRAMME) == LAST
    return office


def seen_on(page: str) -> str:
    """Return what the form of an objection says that it showed."""
    form = re.search(r'<form[^>]*>(?:(?!</form>).)*name="what" value="object".*?</form>', page, re.DOTALL)
    assert form, "no objection is offered"
    found = re.search(r'name="seen" value="([^"]*)"', form[0])
    assert found
    return found[1]


def object_on(client: Client, *, seen: str, **fields: str) -> tuple[int, str]:
    """Send the form; return the answer's status and text."""
    sent = {"what": "object", "understood": "yes", "password": PASSWORD, "seen": seen} | fields
    reply = client.post("/en/me/end", **sent)
    return reply.status, reply.text


def test_a_holder_objects_on_the_web(announced: OfficeStage) -> None:
    """The change and the last day are named, the password and a box are wanted; login and card stay till that
    day, which the page, the trail and the desk have; it is not offered again.
    """
    account = announced.new_member("objects")
    client = announced.signed_in("czestochowa", "objects")
    assert f"From {written.day(DAY, 'en')} the rules" in client.get("/en/me").text
    page = client.get("/en/me/end").text
    assert f"contract until {written.day(LAST, 'en')}" in page
    seen = seen_on(page)
    for fields in ({"understood": ""}, {"password": "wrong"}):
        status, text = object_on(client, seen=seen, **fields)
        assert (status, 'id="fault"' in text) == (400, True)
    assert announced.sql("select 1 from registry.ending where account = $1", account) == []
    assert object_on(client, seen=seen)[0] == 303
    page = client.get("/en/me?done=object").text
    assert "The objection is taken down" in page
    assert f'id="contract_ends">{written.day(LAST, "en")}<' in page
    assert "the rules of the programme change" not in page
    page = client.get("/en/me/end").text
    assert f"ends the contract on {written.day(LAST, 'en')}" in page
    assert 'value="object"' not in page
    (row,) = announced.sql("select * from registry.ending where account = $1", account)
    assert (row["kind"], row["given_on"], row["ends_on"]) == ("objection", today(), LAST)
    assert (row["given_hand"], row["given_by"].split()[0]) == ("holder-online", "holder")
    assert announced.sql("select 1 from registry.card where account = $1 and status = 0", account)
    announced.officer(PROGRAMME, "clerk-of-objections", "clerk", desk="")
    clerk = announced.signed_in("czestochowa", "clerk-of-objections")
    page = clerk.get(f"/en/desk/holders/{account}").text
    assert f'id="objection">{written.day(LAST, "en")}<' in page
    assert "holder, on the web" in page
    path = f"/en/desk/holders/{account}"
    assert clerk.post(path, act="withdraw_objection").status == 400, "on nobody's word"
    for hand in ("desk", "organiser", "proxy-desk"):
        assert clerk.post(path, act="withdraw_objection", hand=hand).status == 409
    assert announced.sql("select 1 from registry.ending where withdrawn_at is not null") == []
    assert clerk.post(path, act="withdraw_objection", hand="holder-desk").status == 303
    page = client.get("/en/me").text
    assert "(taken back" in page
    assert 'id="contract_ends"' not in page


def test_nobody_objects_to_a_change_that_was_not_shown(announced: OfficeStage) -> None:
    """A page that was opened before another change was announced takes nothing down, and says why."""
    account = announced.new_member("objects-late")
    client = announced.signed_in("czestochowa", "objects-late")
    client.get("/en/me/end")
    other = re.search('value="([^"]*)"', str(seen_field(AnnouncedChange(LAST, today()).shown())))
    assert other
    for seen in (other[1], ""):
        status, text = object_on(client, seen=seen)
        assert (status, "another change of the rules is announced" in text) == (400, True)
    announced.officer(PROGRAMME, "late-clerk", "clerk", desk="")
    clerk = announced.signed_in("czestochowa", "late-clerk")
    clerk.get(f"/en/desk/holders/{account}")
    path, hand = f"/en/desk/holders/{account}", "holder-post"
    refused = clerk.post(path, act="object", sure="yes", hand=hand, seen=other[1])
    assert (refused.status, "this has changed since" in refused.text) == (409, True)
    assert announced.sql("select 1 from registry.ending where account = $1", account) == []
    clerk.get(path)
    assert clerk.post(path, act="object", sure="yes", hand=hand).status == 303
    (row,) = announced.sql("select given_hand from registry.ending where account = $1", account)
    assert row["given_hand"] == hand
    stale = clerk.post(path, act="withdraw_objection", hand="holder-desk")
    assert (stale.status, "this has changed since" in stale.text) == (409, True), "its page showed none"


def test_a_notice_is_taken_back_with_a_reason(announced: OfficeStage) -> None:
    """As it is given; who took it back and why stands in the trail."""
    account = announced.new_member("notice-back", "zgierz")
    announced.officer(3, "clerk-of-notices", "clerk", desk="")
    clerk, path = announced.signed_in("zgierz", "clerk-of-notices"), f"/en/desk/holders/{account}"
    clerk.get(path)
    assert clerk.post(path, act="notice", sure="yes", reason="moved away").status == 303
    clerk.get(path)
    refused = clerk.post(path, act="withdraw_notice")
    assert (refused.status, "this wants a reason" in refused.text) == (409, True)
    clerk.get(path)
    assert clerk.post(path, act="withdraw_notice", reason="another's").status == 303
    (row,) = announced.sql(
        "select reason from registry.audit where object = 'ending' order by id desc limit 1"
    )
    assert row["reason"] == "another's"


def test_a_guardian_objects_for_a_child(announced: OfficeStage) -> None:
    """By the guardian's own login and hand; the own contract goes on."""
    announced.accounts["obj1"] = announced.unnamed("czestochowa")[0]
    _, code = represent(announced, "obj1", "guardian")
    ward = announced.accounts["obj1"]
    sql = "update registry.holder set guardian = true where account = $1"
    announced.run(lambda owner: owner.run(lambda c: write_registry(c, sql, ward)))
    own = announced.new_member("objects-for")
    client = announced.signed_in("czestochowa", "objects-for")
    client.get("/en/me/family")
    assert client.post("/en/me/family/code", code=code).status == 303
    client.get("/en/me/family")
    assert client.post("/en/me/family/switch", account=str(ward)).status == 303
    assert object_on(client, seen=seen_on(client.get("/en/me/end").text))[0] == 303
    rows = announced.sql(
        "select account, given_hand from registry.ending where account in ($1, $2)", ward, own
    )
    assert [tuple(row) for row in rows] == [(ward, "guardian-online")]
