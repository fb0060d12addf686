"""A page that was opened before: what it asks is done to what it showed, and to nothing that came since."""

import msgspec
import pytest

from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from tests.web.office_stage import CITIES, PASSWORD, TESTER, Client, OfficeStage
from tests.web.shown_forms import form_on, forms_of, send

PARTNER, OFFER = CITIES[1].partner_id(1), 874


@pytest.fixture(scope="module")
def clerks(office: OfficeStage) -> list[Client]:
    """Two officers of Zgierz with every page, who have signed in; and a partner who has a login."""

    async def make(_owner: object) -> None:
        await make_login(
            office.offices[3], Passwords(), TESTER, "partner", "opens", password=PASSWORD,
            shown="Opens", partner=PARTNER,
        )  # fmt: skip

    office.run(make)
    for name in ("opens-one", "opens-two"):
        office.officer(3, name, "clerk", "editor", desk="")
    return [office.signed_in("zgierz", name) for name in ("opens-one", "opens-two")]


def test_a_step_of_a_contract_is_of_the_contract_that_was_shown(
    office: OfficeStage, clerks: list[Client]
) -> None:
    """Refused and declared anew meanwhile: the older page verifies and refuses nothing of the new one."""
    (one, two), path = clerks, "/en/desk/partners/88331"

    def declare() -> None:
        one.get("/en/desk/partners")
        assert one.post("/en/desk/partners", partner="88331", name="Kiosk").status == 303

    declare()
    page = two.get(path).text
    opened = {act: form_on(page, path, act) for act in ("verify", "refuse")}
    refusing = form_on(one.get(path).text, path, "refuse").typed(sure="yes", reason="no such firm")
    assert send(one, refusing).status == 303
    declare()
    for form in (opened["verify"], opened["refuse"].typed(sure="yes", reason="no such firm")):
        reply = send(two, form)
        assert (reply.status, "changed since you opened it" in reply.text) == (409, True)
    sql = "select state from registry.partner_contract where partner = 88331 order by number"
    assert [row["state"] for row in office.sql(sql)][-1] == 0
    assert send(two, form_on(two.get(path).text, path, "verify")).status == 303


def test_an_erasure_is_approved_as_it_was_shown(office: OfficeStage, clerks: list[Client]) -> None:
    """Refused and proposed anew, for another reason: the older page neither approves nor refuses that."""
    one, two = clerks
    account, _ = office.unnamed("zgierz")
    path = f"/en/desk/holders/{account}"

    def propose(reason: str) -> None:
        form = form_on(one.get(path).text, path, "propose_erasure")
        assert send(one, form.typed(reason=reason)).status == 303

    propose("asked by letter")
    page = two.get(path).text
    opened = [form_on(page, path, f"{act}_erasure") for act in ("approve", "refuse")]
    assert send(one, form_on(one.get(path).text, path, "refuse_erasure")).status == 303
    propose("found by mistake")
    for form in (opened[0].typed(sure="yes"), opened[1]):
        reply = send(two, form)
        assert (reply.status, "changed since you opened it" in reply.text) == (409, True)
    assert office.sql("select 1 from people.person where account = $1", account) != []
    approving = form_on(two.get(path).text, path, "approve_erasure").typed(sure="yes")
    assert send(two, approving).status == 303
    assert office.sql("select 1 from people.person where account = $1", account) == []


def test_a_declared_offer_takes_the_place_of_the_draft_that_was_shown(
    office: OfficeStage, clerks: list[Client]
) -> None:
    """A draft that an officer changed meanwhile is not written over by an older page's acceptance."""
    one, two = clerks
    fields = {f"{text}_{language}": "Gazeta" for text in ("name", "text") for language in ("pl", "en")}
    fields |= {"number": str(OFFER), "partner": str(PARTNER), "kind": "free_entry", "combines": ""}
    one.get("/en/desk/offers/new")
    assert one.post("/en/desk/offers", act="keep", **fields).status == 303
    partner, there = office.signed_in("zgierz", "opens"), f"/en/partner/offers/{OFFER}"
    declared = form_on(partner.get(there).text, there).typed(name_pl="Nowa")
    assert send(partner, declared).status == 303
    sql = "select max(number) from registry.offer_declaration where offer = $1"
    path = f"/en/desk/declarations/{office.sql(sql, OFFER)[0][0]}"
    opened = form_on(two.get("/en/desk/declarations").text, path)
    form = form_on(one.get(f"/en/desk/offers/new?like={OFFER}").text, "/en/desk/offers", "keep")
    assert send(one, form.typed(text_pl="Inaczej")).status == 303
    reply = send(two, opened.typed(act="accept", reason="fine"))
    assert (reply.status, "changed since you opened it" in reply.text) == (409, True)
    terms = office.sql("select terms from registry.offer where number = $1 order by version desc", OFFER)
    assert msgspec.json.decode(terms[0]["terms"])["text"]["pl"] == "Inaczej"
    (again,) = [form for form in forms_of(reply.text) if form.action == path]
    assert again.text("reason") == "fine", "what was typed stays"
    assert send(two, again.typed(act="accept")).status == 303
