"""Several accounts under one login, on the pages: whom one may act for, what one may do, when it ends."""

import contextlib
import re
from collections.abc import Iterator
from datetime import date

import pytest

from ledger.errors import NotInRegistry
from ledger.registry.acting_for import NewLink, put_code
from ledger.registry.agreements import Representative, add_representative, end_representative
from ops.web.holder.acting import WHO_MAY
from ops.web.holder.site import holder_part
from ops.web.identity.notes import Notes
from ops.web.identity.passwords import Passwords
from ops.web.identity.secrets import hash_of, new_code, plain_code
from ops.web.identity.signing_in import Door
from tests.ledger.books import write_registry
from tests.web.office_stage import PASSWORD, TESTER, Client, OfficeStage

CHILD, MOTHER, STRANGER = "ela1", "ala1", "ola3"
XSS = "<script>alert(1)</script>\"'><img src=x>"


def represent(office: OfficeStage, whose: str, role: str, name: str = "Ktoś") -> tuple[int, str]:
    """Take a representative down as a desk does; return the number and a code for the login to come."""
    account, code = office.accounts[whose], new_code()
    token = office.sql(
        "select token from registry.card where account = $1 and carrier = 1 order by issue desc", account
    )[0][0]
    who = Representative(role, name, until=date(2200, 1, 1))

    async def job(owner: object) -> int:
        run = owner.run  # type: ignore[attr-defined]
        number: int = await run(lambda c: add_representative(c, TESTER, office.master.vault, token, who))
        link = NewLink(int(whose[-1]), account, number, hash_of(plain_code(code)))
        await run(lambda c: put_code(c, TESTER, link, hours=1))
        return number

    return office.run(job), code


def end(office: OfficeStage, whose: str, number: int) -> None:
    token = office.sql("select token from registry.card where account = $1", office.accounts[whose])[0][0]
    office.run(lambda owner: owner.run(lambda c: end_representative(c, TESTER, token, number)))


def set_ward(office: OfficeStage, *, is_ward: bool) -> None:
    sql = "update registry.holder set guardian = $2 where account = $1"
    office.run(lambda owner: owner.run(lambda c: write_registry(c, sql, office.accounts[CHILD], is_ward)))


@pytest.fixture(params=["guardian", "proxy"])
def acting(request: pytest.FixtureRequest, office: OfficeStage) -> Iterator[tuple[Client, str, int]]:
    """Częstochowa's ala, who acts for ela as a guardian, or as a proxy; ela is nobody else's here."""
    number, code = represent(office, CHILD, request.param)
    set_ward(office, is_ward=True)
    client = office.signed_in("czestochowa", "ala")
    client.get("/en/me/family")
    assert client.post("/en/me/family/code", code=code.lower().replace("-", " ")).status == 303
    page = client.get("/en/me/family").text
    assert "Act for Ela Trzecia" in page
    assert client.post("/en/me/family/switch", account=str(office.accounts[CHILD])).status == 303
    client.get("/en/me")
    yield client, request.param, number
    set_ward(office, is_ward=False)
    with contextlib.suppress(NotInRegistry):
        end(office, CHILD, number)


def routes() -> list[tuple[str, str]]:
    """Every route of the holder's part, with a method."""
    part = holder_part(lambda: None, Door(Passwords(), Notes(())), None, "")  # type: ignore[arg-type, return-value]
    return [
        (method, route.path)  # type: ignore[attr-defined]
        for route in part.routes
        for method in sorted(route.methods - {"HEAD"})  # type: ignore[attr-defined]
    ]


def test_every_page_is_in_the_table_or_shut(office: OfficeStage, acting: tuple[Client, str, int]) -> None:
    """Each route of the part is tried while acting: what the table does not give is 403, by every method."""
    client, role, _ = acting
    tried = 0
    for method, path in routes():
        if not path.startswith("/me"):
            continue
        may = role in WHO_MAY.get(path, ())
        asked = path.replace("{place}", "9-9").replace("{number:int}", "9")
        reply = client.get(f"/en{asked}") if method == "GET" else None
        if method == "POST" and not may:
            reply = client.post(f"/en{asked}")
        if reply is not None:
            assert (reply.status == 403) is not may, (method, path, reply.status)
            tried += 1
    assert tried > 15
    for word in ("Change of login", "My sessions") if role == "guardian" else ("My data", "Messages"):
        assert word not in client.get("/en/me").text


def test_what_is_shown_and_done_is_the_other_s(office: OfficeStage, acting: tuple[Client, str, int]) -> None:
    """The banner names whom it is about; a block is of that card, and the trail names both, and the hand."""
    client, role, _ = acting
    page = client.get("/en/me").text
    assert "You act for Ela Trzecia" in page
    assert office.last4[CHILD] in page
    place = "1-1"
    found = re.findall(r"/en/me/block/([0-9-]+)", page)
    if found:  # the other role has blocked it already
        place = found[0]
        assert client.post(f"/en/me/block/{place}").status == 303
        status = office.sql(
            "select status from registry.card where account = any($1::bigint[]) order by account = $2",
            [office.accounts[MOTHER], office.accounts[CHILD]],
            office.accounts[CHILD],
        )
        assert status[-1]["status"] == 1
        assert status[0]["status"] == 0
        trail = office.sql(
            "select actor, hand from registry.audit where object = 'card' order by id desc limit 1"
        )[0]
        assert trail["hand"] == f"{role}-online"
        assert re.fullmatch(rf"holder \d+ for {office.accounts[CHILD]}", trail["actor"])
    if role == "guardian":
        assert "Ela Trzecia" in client.get("/en/me/data").text
        client.get("/en/me/messages")
        assert client.post("/en/me/messages", text="w sprawie dziecka").status == 303
        assert "w sprawie dziecka" in office.signed_in("czestochowa", "ela").get("/en/me/messages").text
    else:
        assert "Category" not in page
    assert client.post("/en/me/family/switch", account="").status == 303
    assert "You act for" not in client.get("/en/me").text
    assert "w sprawie dziecka" not in client.get("/en/me/messages").text


def test_a_right_that_ends_is_nobody_s_at_the_next_request(
    office: OfficeStage, acting: tuple[Client, str, int]
) -> None:
    """A page is led to the list, a form is refused, and never carried out on the own account."""
    client, _, number = acting
    end(office, CHILD, number)
    assert client.get("/en/me").header("location") == "/en/me/family"
    assert "has ended" in client.get("/en/me/family").text
    assert client.post("/en/me/block/1-1").status == 403
    own = office.sql("select status from registry.card where account = $1", office.accounts[MOTHER])
    assert 1 not in [row["status"] for row in own]
    assert client.post("/en/me/family/switch", account=str(office.accounts[CHILD])).status == 404
    assert client.post("/en/me/family/switch", account="").status == 303
    assert client.get("/en/me").status == 200


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("resign", "The resignation for this person is taken"),
        ("delete", "The account of this person is deleted"),
    ],
)
def test_who_ends_it_for_another_keeps_the_own_login(office: OfficeStage, what: str, told: str) -> None:
    """The page says so, and of whom the login is gone (Zgierz § 26, § 31)."""
    office.accounts["new1"] = office.unnamed("czestochowa")[0]
    _, code = represent(office, "new1", "guardian")
    sql = "update registry.holder set guardian = true where account = $1"
    office.run(lambda owner: owner.run(lambda c: write_registry(c, sql, office.accounts["new1"])))
    client = office.signed_in("czestochowa", "ala")
    client.get("/en/me/family")
    assert client.post("/en/me/family/code", code=code).status == 303
    client.get("/en/me/family")
    assert client.post("/en/me/family/switch", account=str(office.accounts["new1"])).status == 303
    client.get("/en/me/end")
    page = client.post("/en/me/end", what=what, understood="yes", password=PASSWORD).text
    assert f"<h1>{told}</h1>" in page
    assert f"<title>{told}" in page
    assert "Your own login stays" in page
    client.get("/en/me/family")
    client.post("/en/me/family/switch", account="")
    assert client.get("/en/me").status == 200


def test_a_page_of_one_is_not_sent_for_another(office: OfficeStage, acting: tuple[Client, str, int]) -> None:
    """A form that was opened while acting for somebody is refused once one acts for oneself, and back."""
    client, _, _ = acting
    old = client.csrf
    assert client.post("/en/me/family/switch", account="").status == 303
    client.get("/en/me/data")
    own = client.csrf
    assert own != old
    assert client.post("/en/me/block/1-1", csrf=old).status == 400
    client.get("/en/me/family")
    client.post("/en/me/family/switch", account=str(office.accounts[CHILD]))
    assert client.post("/en/me/block/1-1", csrf=own).status == 400


def test_nobody_acts_for_a_stranger(office: OfficeStage) -> None:
    """No account number that is typed, of whatever form, is a way to anybody's card; codes are bounded."""
    client = office.signed_in("czestochowa", "ala")
    client.get("/en/me/family")
    for account in (office.accounts[STRANGER], office.accounts["ala3"], 8, -8, "x", "9" * 19, "٣"):
        assert client.post("/en/me/family/switch", account=str(account)).status in (400, 404), account
    _, code = represent(office, "ala3", "proxy")
    assert client.post("/en/me/family/code", code=code).status == 400
    for typed in ("", "AAAA-BBBB-CCCC", "'", XSS[:40]):
        assert client.post("/en/me/family/code", code=typed).status == 400
    for _ in range(10):
        reply = client.post("/en/me/family/code", code="AAAA-BBBB-CCCC")
    assert "Too many attempts" in reply.text


def test_a_holder_gives_a_proxy_on_the_web(office: OfficeStage) -> None:
    """With the password; the code is shown once and works for another login; ended, it is over at once."""
    giver = office.signed_in("czestochowa", "ela")
    giver.get("/en/me/family")
    asked = {"name": XSS, "until": "2200-01-01"}
    assert giver.post("/en/me/family/proxies", **asked, password="wrong").status == 400
    for wrong in ({"until": "2020-01-01"}, {"until": "soon"}, {"name": ""}):
        assert giver.post("/en/me/family/proxies", **{**asked, **wrong}, password=PASSWORD).status == 400
    page = giver.post("/en/me/family/proxies", **asked, password=PASSWORD).text
    code = re.findall(r'id="new-code">([A-Z0-9-]+)<', page)[0]
    assert "hreflang" not in page, "no link leads from a code that is shown once to the same without it"
    page = giver.get("/en/me/family").text
    assert code not in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert giver.post("/en/me/family/code", code=code).status == 400
    proxy = office.signed_in("czestochowa", "ala")
    proxy.get("/en/me/family")
    assert proxy.post("/en/me/family/code", code=code).status == 303
    assert "Act for Ela Trzecia" in proxy.get("/en/me/family").text
    numbers = re.findall(r'name="number" value="(\d+)"', giver.get("/en/me/family").text)
    assert proxy.post("/en/me/family/proxies/end", number=numbers[0]).status == 404
    assert giver.post("/en/me/family/proxies/end", number=numbers[0]).status == 303
    assert "Act for Ela Trzecia" not in proxy.get("/en/me/family").text


def test_what_an_old_page_asks_of_a_proxy_that_ended_touches_no_other(office: OfficeStage) -> None:
    """The number of one that ended is nobody else's: the holder's page and the desk's say that it is gone."""
    office.officer(1, "reads-proxies", "clerk")
    giver, clerk = office.signed_in("czestochowa", "ela"), office.signed_in("czestochowa", "reads-proxies")
    was, _ = represent(office, CHILD, "proxy", "Dawny")
    end(office, CHILD, was)
    now, _ = represent(office, CHILD, "proxy", "Nowy")
    giver.get("/en/me/family")
    reply = giver.post("/en/me/family/proxies/end", number=str(was))
    assert (reply.status, "has ended already" in reply.text, "Nowy" in reply.text) == (404, True, True)
    path = f"/en/desk/holders/{office.accounts[CHILD]}"
    clerk.get(path)
    for where, asked in ((path, {"act": "end"}), (f"{path}/code", {})):
        reply = clerk.post(where, **asked, number=str(was), reason="of an old page")
        assert (reply.status, "or not any more" in reply.text) == (404, True), where
        assert 'id="code"' not in reply.text
    giver.get("/en/me/family")
    assert giver.post("/en/me/family/proxies/end", number=str(now)).status == 303


def test_a_child_with_a_login_ends_nothing(office: OfficeStage) -> None:
    """Zgierz § 12: the page offers neither resignation nor deletion, says who does it, and takes none that is
    sent all the same; login and card stay.
    """
    account = office.new_member("a-child", "zgierz")
    born = (
        "update people.person set born_on = (registry.today_of(programme) - interval '10 years')::date "
        "where account = $1"
    )
    office.run(lambda owner: owner.run(lambda c: write_registry(c, born, account)))
    client = office.signed_in("zgierz", "a-child")
    page = client.get("/en/me/end").text
    assert "A parent or guardian ends the contract" in page
    assert 'name="what"' not in page
    client.get("/en/me")
    for what in ("resign", "delete", "object"):
        reply = client.post("/en/me/end", what=what, understood="yes", password=PASSWORD)
        assert (reply.status, "A parent or guardian ends the contract" in reply.text) == (400, True), what
    assert office.sql("select status from registry.card where account = $1", account)[0][0] == 0
    assert office.sql("select 1 from people.person where account = $1", account)
    assert client.get("/en/me").status == 200
