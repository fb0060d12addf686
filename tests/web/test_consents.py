"""Consents on the pages of the holder and of the desk: one rule for both, each time that one was given."""

import re

from tests.web.office_stage import Client, OfficeStage

DATES = re.compile(r"<td>([^<]*, \d\d:\d\d|–)</td>")


def test_consents_have_a_history(office: OfficeStage, clerk: Client) -> None:
    """The newsletter is agreed to, withdrawn, agreed to on one day: holder and desk see both times."""
    account = office.new_member("agrees", "zgierz")
    client = office.signed_in("zgierz", "agrees")
    client.get("/en/me/consents")
    assert client.post("/en/me/consents", newsletter="give").status == 303
    assert "I withdraw the newsletter" in client.get("/en/me/consents").text
    assert client.post("/en/me/consents", newsletter="withdraw").status == 303
    assert "I agree to the newsletter" in client.get("/en/me/consents").text
    assert client.post("/en/me/consents", newsletter="give").status == 303
    for page in (client.get("/en/me/consents"), clerk.get(f"/en/desk/holders/{account}")):
        table = page.text[page.text.index("Withdrawn</th>") :]
        assert [moment == "–" for moment in DATES.findall(table)[:4]] == [False, True, False, False]


def test_a_desk_withdraws_no_consent_that_a_card_needs(office: OfficeStage, clerk: Client) -> None:
    """Zgierz § 13: the desk is told what ends it, in its language, and nothing changes."""
    account = office.new_member("consents", "zgierz")
    path = f"desk/holders/{account}"
    clerk.get(f"/en/{path}")
    assert clerk.post(f"/en/{path}", act="consent", consent="data").status == 303
    for language, told in (("en", "ends by a resignation"), ("pl", "kończy ją rezygnacja")):
        refused = clerk.post(f"/{language}/{path}", act="consent", consent="data", withdrawn="yes")
        assert (refused.status, told in refused.text) == (409, True)
    kept = office.sql("select withdrawn_at from people.consent where account = $1", account)
    assert [row[0] for row in kept] == [None]
