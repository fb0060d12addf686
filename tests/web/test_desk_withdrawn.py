"""A withdrawal taken down at the desk, as its page is asked: by whom, which way it was told, and then."""

import pytest

from tests.web.desk_counter import CITY, NOBODY, PROGRAMME, take
from tests.web.office_stage import Client, OfficeStage
from tests.web.test_apply import number_at, sent
from tests.web.test_desk import for_two_persons

HOW = {"act": "withdraw", "told": "telephone", "reason": "Rang twice."}


@pytest.fixture(scope="module")
def officers(office: OfficeStage) -> list[Client]:
    """A clerk and two verifiers of Zgierz, who have signed in."""
    for name, role in (("ida", "clerk"), ("leo", "verifier"), ("mia", "verifier")):
        office.officer(PROGRAMME, f"withdraws-{name}", role)
    return [office.signed_in(CITY, f"withdraws-{name}") for name in ("ida", "leo", "mia")]


def stands(office: OfficeStage, path: str) -> str:
    (row,) = office.sql(
        "select state from people.application where number = $1", int(path.rpartition("/")[2])
    )
    return str(row["state"])


def test_who_may_not_refuse_takes_no_withdrawal_down(office: OfficeStage, officers: list[Client]) -> None:
    """Where two persons are wanted: no clerk, nobody before somebody looked, and not who looked last."""
    clerk, leo, mia = officers
    path = f"/en/desk/applications/{for_two_persons(office, 'web')}"
    for each in officers:
        assert 'id="act_withdraw"' not in each.get(path).text
    assert clerk.post(path, **HOW).status == 403
    reply = leo.post(path, **HOW)
    assert (reply.status, "nobody has looked at it yet" in reply.text) == (409, True)
    assert leo.post(path, act="verify").status == 303
    leo.get(path)
    reply = leo.post(path, **HOW)
    assert (reply.status, "another one than whoever looked at it last" in reply.text) == (409, True)
    assert stands(office, path) == "verified"
    assert 'id="act_withdraw"' in mia.get(path).text
    assert mia.post(path, **HOW).status == 303
    page = mia.get(path).text
    assert '<dd id="withdrawn_via">by telephone</dd>' in page
    assert "Rang twice." in page
    assert mia.get(f"{path}/letter").header("content-type") == "application/pdf"
    assert mia.post(path, act="remove").status == 409
    assert mia.post(path, act="remove", told="email").status == 409
    leo.get(path)
    assert leo.post(path, act="remove", told="email").status == 303


def test_a_desk_says_which_way_it_was_told(office: OfficeStage, officers: list[Client]) -> None:
    """Where one person does it, too; what is typed stands again, and nothing but the list's is taken."""
    clerk = officers[0]
    path = take(clerk, **NOBODY)
    clerk.get(path)
    reply = clerk.post(path, act="withdraw", reason="Rang twice.")
    assert (reply.status, "say which way whoever asked told the desk" in reply.text) == (409, True)
    assert "Rang twice.</textarea>" in reply.text
    assert clerk.post(path, act="withdraw", told="gossip").status == 400
    clerk.get(path.replace("/en/", "/pl/"))
    reply = clerk.post(path.replace("/en/", "/pl/"), act="withdraw")
    assert "w jaki sposób poproszono o to punkt obsługi" in reply.text
    assert stands(office, path) == "received"


def test_whoever_applied_sees_what_the_desk_took_down(office: OfficeStage, officers: list[Client]) -> None:
    """On the application's page; whoever withdraws there says nothing, and no desk stands beside it."""
    client, own = sent(office, "seen@withdrawn.example", pesel="", born_on="1982-02-03")
    path = f"/en/desk/applications/{number_at(client, own)}"
    clerk = officers[0]
    office.write(f"update people.application set desk = '' where number = {number_at(client, own)}")
    clerk.get(path)
    assert clerk.post(path, **HOW).status == 303
    page = client.get(own).text
    assert "the withdrawal was asked for by telephone" in page
    assert "Rang twice." in page
    client, own = sent(office, "self@withdrawn.example", pesel="", born_on="1983-02-03")
    client.get(own)
    assert client.post(own, act="withdraw", sure="yes").status == 303
    assert "was asked for" not in client.get(own).text
    path = f"/en/desk/applications/{number_at(client, own)}"
    office.write(f"update people.application set desk = '' where number = {number_at(client, own)}")
    page = clerk.get(path).text
    assert 'id="withdrawn_via"' not in page
    assert 'id="letter"' not in page
    assert 'id="kept_until"' in page
